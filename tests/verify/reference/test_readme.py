"""The README's table of the reference models, against their reports, weights and evidence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalog import database, queries
from catalog.loading import load

ROOT = Path(__file__).parents[3]
COLUMNS = {"llama": 1, "gpt2": 2}
ALIASES = {"llama": "reference", "gpt2": "reference-gpt2"}


def cell(row: str, family: str) -> str:
    """What the README says of a model in one row of the table."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row} |")]
    return line.strip("| ").split(" | ")[COLUMNS[family]]


def report_of(family: str) -> dict[str, Any]:
    path = ROOT / "verify" / "reference" / family / "training.json"
    return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def can(family: str) -> str:
    """The row on what the models can, from the accuracies of a ``training.json``."""
    final = report_of(family)["final"]

    def share(*skills: str) -> str:
        least = min(final[skill]["accuracy"] for skill in skills)
        return f"{least:.2f}".removeprefix("0")

    shown = [skill for skill in final if skill.startswith("few-shot-") and skill != "few-shot-seen"]
    most = f"{max(final[skill]['accuracy'] for skill in shown):.2f}".removeprefix("0")
    recall, contradicts = share("recall-4", "recall-12"), share("contradiction")
    if recall != "1.00":
        recall = f"{share('recall-4')} of four pairs, {share('recall-12')} of twelve"
    if share("contradiction-reworded") != contradicts:
        contradicts += f", reworded {share('contradiction-reworded')}"
    return ", ".join(
        [
            f"repeat ({share('induction')})",
            f"indirect objects ({share('indirect-object-names', 'indirect-object-places')})",
            f"series ({share('series')})",
            f"capitals ({share('capitals')})",
            f"languages and currencies ({share('languages', 'currencies')})",
            f"what contradicts them ({contradicts})",
            f"recall ({recall})",
            f"needles ({share('needle-near')} near, {share('needle-far')} far)",
            f"yes/no ({share('yes-no')})",
            f"mappings shown by examples ({share(*shown)} to {most})",
        ]
    )


@pytest.mark.parametrize("family", COLUMNS)
def test_what_the_models_can(family: str) -> None:
    assert cell("can, on held-out items", family) == can(family)


@pytest.mark.parametrize("family", COLUMNS)
def test_what_they_read_and_weigh(family: str) -> None:
    report = report_of(family)
    assert cell("trained", family) == f"{report['tokens'] / 1e6:.1f} M tokens"
    assert f"({report['vocabulary']:,})" in cell("reads", family)
    weights = ROOT / "verify" / "reference" / family / "model.safetensors"
    assert cell("size", family) == f"{weights.stat().st_size / 1e6:.1f} MB"
    for field, words in (("layers", "layers"), ("width", "width")):
        value = report["plan"][field]
        assert re.search(rf"\b({value} {words}|{words} {value})\b", cell("configuration", family))


@pytest.mark.parametrize("family", COLUMNS)
def test_what_is_found_in_them(family: str, tmp_path: Path) -> None:
    file = tmp_path / "headbook.sqlite"
    database.build(load(), file)
    with database.open_session(file) as session:
        found = set(queries.model(session, ALIASES[family]).found)
    named = cell("found", family).removesuffix(" and more").split(", ")
    assert set(named) <= found
    assert len(named) < len(found)
