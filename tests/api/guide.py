"""The ten lines of the API guide, and what they answer: ``python -m tests.api.guide`` renews them.

Answers are cut to a few lines for the page; ``tests/api/test_guide.py`` runs them again, compares
their shape.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import database, places
from catalog.loading import load
from tests.api.served import serving

PAGE = places.site_source_dir() / "pages" / "api.md"
ADDRESS = "localhost:8000"


@dataclass(frozen=True)
class Line:
    """A curl line with what it is for."""

    words: str
    path: str
    options: str = "-s"

    @property
    def command(self) -> str:
        return f"curl {self.options} '{ADDRESS}{self.path}'"


LINES = (
    Line("What is known of head 9.9 of GPT-2 small?", "/v1/models/gpt2/heads/9.9"),
    Line("One head type in full.", "/v1/head-types/induction"),
    Line(
        "The newest head types of a stage, two members of each.",
        "/v1/head-types?stage=latent-reasoning&sort=-year,name&select=name,year&per_page=3",
    ),
    Line("How many head types has each stage?", "/v1/head-types?group_by=stage"),
    Line(
        "Which types rest on more than an attention pattern, and where were they found?",
        "/v1/head-types?strength_in=weights,direct-effect,necessary&select=id,found_in",
    ),
    Line(
        "What did the checks of the claims about GPT-2 come to?",
        "/v1/claims?model=gpt2&group_by=verdict",
    ),
    Line("Search, with a misspelt word.", "/v1/search?q=inducton"),
    Line("A paper for your bibliography.", "/v1/papers/olsson2022induction.bib"),
    Line(
        "The scores of every head, as a table.",
        "/v1/evidence/headbook--reference-llama/v5/induction.prefix-matching.csv",
    ),
    Line("A mistake, and what would be right.", "/v1/head-types?yaer=2022"),
)


def run(line: Line, address: str) -> str:
    """What the line answers, from a server at ``address``."""
    command = line.command.replace(ADDRESS, address.removeprefix("http://"))
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    return done.stdout


def shown(answer: str) -> str:
    """An answer as the page shows it: JSON on several lines, long parts left out."""
    if answer.startswith("{"):
        text = json.dumps(_cut(json.loads(answer)), indent=2, ensure_ascii=False)
    else:
        text = answer.rstrip("\n")
    lines = [line if len(line) <= 110 else f"{line[:107]}..." for line in text.splitlines()]
    return "\n".join([*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])])


_LINES = 16


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_cut(one) for one in value[:3]]
    if isinstance(value, str) and len(value) > 90:
        return f"{value[:87]}..."
    return value


def main() -> None:
    """Write the lines and their answers into the page."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "headbook.sqlite"
        database.build(load(), file)
        with serving("--database", str(file)) as address:
            made = [
                f"{line.words}\n\n```console\n$ {line.command}\n{shown(run(line, address))}\n```\n"
                for line in LINES
            ]
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition("## Ten lines to start with\n")
    after = rest[rest.index("## Addresses\n") :]
    PAGE.write_text(
        f"{before}## Ten lines to start with\n\n" + "\n".join(made) + f"\n{after}",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
