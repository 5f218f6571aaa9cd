"""Prompts that several recipes of a type read stand once in its entry, so that they stay the same.

YAML says it with an anchor and aliases (``prompts: &prompts``, ``prompts: *prompts``), which the
reader writes out within its bounds on values and depth (tests/catalog/test_yaml_reader.py).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.places import entries_dir
from catalog.yaml_reader import read_yaml

LINES = 6
"""Blocks of fewer lines are read at a glance."""
WRITTEN_OUT = frozenset({"vulnerable-head"})
"""Types whose recipes still repeat theirs."""


def repeated(file: Path) -> list[str]:
    """Ids of recipes whose prompts are those of an earlier one, written anew."""
    document = read_yaml(file.read_bytes())
    places: dict[str, tuple[int, int]] = {}
    found = []
    for i, recipe in enumerate(document.data.get("recipes", ())):
        place = document.values["recipes", i, "prompts"]
        text = json.dumps(recipe["prompts"], sort_keys=True)
        below = [p for p in document.values if p[:3] == ("recipes", i, "prompts")]
        lines = {document.values[path][0] for path in below}
        if places.setdefault(text, place) != place and len(lines) >= LINES:
            found.append(recipe["id"])
    return found


@pytest.mark.parametrize("name", sorted(p.stem for p in (entries_dir() / "head-types").iterdir()))
def test_prompts_that_recipes_share_stand_once(name: str) -> None:
    if name not in WRITTEN_OUT:
        assert not repeated(entries_dir() / "head-types" / f"{name}.yaml"), (
            "name the first prompts with &prompts and write *prompts for the others"
        )


def test_a_block_that_is_written_anew_is_noticed(tmp_path: Path) -> None:
    block = "\n".join(f"      field-{i}: {i}" for i in range(LINES))
    other = block.replace("0: 0", "0: 1")
    text = (
        f"recipes:\n  - id: a\n    prompts: &prompts\n{block}\n"
        f"  - id: b\n    prompts: *prompts\n  - id: c\n    prompts:\n{other}\n"
    )
    file = tmp_path / "type.yaml"
    file.write_text(text, encoding="utf-8")
    assert repeated(file) == []
    file.write_text(f"{text}  - id: d\n    prompts:\n{block}\n", encoding="utf-8")
    assert repeated(file) == ["d"]
