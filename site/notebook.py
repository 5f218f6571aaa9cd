"""The notebook of the docs, ``pages/from-python.ipynb``, as the site shows it.

    python site/notebook.py        # run it again, and keep what it printed (needs nbclient)

The notebook is committed as it ran. A test runs it and compares what it prints.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clone  # noqa: F401 - before the first import of the catalog
from markupsafe import Markup
from page import highlighted
from safe_prose import prose

from catalog.drawing.escaping import plain, still

NOTEBOOK = Path(__file__).resolve().parent / "pages" / "from-python.ipynb"
_HEADING = re.compile(r"## (.+?)\n+")
_TO_A_HEAD = re.compile(r' href="#head-[0-9.]+"')
"""Leads nowhere on this page: heads have their places on a model's page."""


@dataclass(frozen=True)
class Cell:
    """One cell: a heading if it starts with one, and finished HTML."""

    heading: str | None
    html: Markup


def cells(file: Path = NOTEBOOK) -> list[Cell]:
    """The cells of a notebook. Its text goes the way of all prose; its pictures are our own."""
    return [_cell(cell) for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]


def _cell(cell: dict[str, Any]) -> Cell:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        found = _HEADING.match(source + "\n")
        text = source[found.end() :] if found else source
        return Cell(found[1] if found else None, prose(text))
    outputs = [_output(output) for output in cell["outputs"]]
    return Cell(None, Markup("\n").join([highlighted(source, "python"), *outputs]))


def _output(output: dict[str, Any]) -> Markup:
    data = output.get("data", {})
    if "text/html" in data:
        html = re.sub(r"\n\s*\n", "\n", _TO_A_HEAD.sub("", "".join(data["text/html"])))
        return Markup(f'<div class="hb-table hb-output" tabindex="0">{still(html)}</div>')
    text = "".join(data.get("text/plain", output.get("text", "")))
    lines = "\n".join(plain_line(line) for line in text.rstrip("\n").split("\n"))
    columns = " hb-columns" if re.search(r"\S {2,}\S", text) else ""
    return Markup(f'<pre class="hb-output{columns}"><code>{lines}</code></pre>')


def plain_line(line: str) -> str:
    """A line of output, escaped, with its blanks."""
    indent = len(line) - len(line.lstrip(" "))
    kept = re.split(r"( {2,})", line.strip(" "))
    return " " * indent + "".join(part if part.isspace() else plain_words(part) for part in kept)


def plain_words(text: str) -> str:
    """Escaped text whose single blanks at the ends stay."""
    before = " " if text.startswith(" ") else ""
    after = " " if text.endswith(" ") and len(text) > 1 else ""
    return before + plain(text) + after


def executed(file: Path = NOTEBOOK) -> Any:
    """The notebook, run from the top in a fresh kernel."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(file, as_version=4)
    made = NotebookClient(notebook, timeout=300, record_timing=False).execute()
    for cell in made.cells:
        if cell.cell_type == "code":  # bars and warnings differ from machine to machine
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    return made


def main() -> None:
    """Run the notebook and keep its output, less what differs from run to run."""
    import nbformat

    made = executed()
    made.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    }
    NOTEBOOK.write_text(nbformat.writes(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
