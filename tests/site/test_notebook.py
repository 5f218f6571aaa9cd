"""The notebook of the docs says what it prints when it runs today."""

from __future__ import annotations

import json
import re
from typing import Any

import notebook
import pytest

from catalog.loading import load
from catalog.places import entries_dir

NUMBER = re.compile(r"-?\d+\.\d+")


def printed(cells: list[Any]) -> list[list[str]]:
    """What each cell of code printed or returned, as text."""
    return [
        [
            "".join(output.get("text") or output["data"]["text/plain"])
            for output in cell["outputs"]
            if output.get("name") != "stderr"
        ]
        for cell in cells
        if cell["cell_type"] == "code"
    ]


def test_it_runs_and_prints_what_is_committed() -> None:
    committed = printed(json.loads(notebook.NOTEBOOK.read_text(encoding="utf-8"))["cells"])
    now = printed(notebook.executed().cells)
    assert [[NUMBER.sub("#", text) for text in cell] for cell in now] == (
        [[NUMBER.sub("#", text) for text in cell] for cell in committed]
    )
    for before, after in zip(committed, now, strict=True):
        figures = [[float(n) for n in NUMBER.findall("".join(cell))] for cell in (before, after)]
        assert figures[1] == pytest.approx(figures[0], abs=0.011)


def test_the_page_has_its_code_its_output_and_its_pictures() -> None:
    cells = notebook.cells()
    page = "\n".join(cell.html for cell in cells)
    assert next(cell.heading for cell in cells if cell.heading) == "Run recipes"
    assert page.count("<svg") == 3  # the results show their mosaic, then one of each kind
    catalog = load(entries_dir())
    revision = catalog.models["headbook--reference-llama"].revision
    name = f"headbook--reference-llama/{revision}/induction.prefix-matching"
    found = catalog.evidence[name].found
    assert f"<td>{', '.join(found)}</td>" in page
    assert "/tmp" not in page
    assert "Traceback" not in page
    assert not re.search(r"\n\s*\n", "".join(c.html for c in cells if "<svg" in c.html))


def test_output_is_text_whatever_it_holds() -> None:
    assert notebook.plain_line("  a <b>  `c`") == "  a &lt;b&gt;  &#96;c&#96;"
