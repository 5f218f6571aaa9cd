"""The walk through a new entry in CONTRIBUTING.md, taken as it is written."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from catalog.loading import read
from catalog.places import entries_dir

GUIDE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """The entry of the guide among all others, at the place that the guide names."""
    shutil.copytree(entries_dir(), tmp_path / "entries", ignore=shutil.ignore_patterns("evidence"))
    found = re.search(r"\*\*1\. Write `(entries/[^`]+)`.*?```yaml\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    file = tmp_path / found[1]
    assert not file.exists()
    file.write_text(found[2], encoding="utf-8")
    return file


def problems(entry: Path) -> list[str]:
    return [str(problem) for problem in read(entry.parents[1]).problems]


def test_the_guide_shows_what_validation_says(entry: Path) -> None:
    shown = re.search(r"\$ headbook validate\n(entries/.*?)\n\d+ files, 2 errors", GUIDE, re.DOTALL)
    assert shown is not None
    assert problems(entry) == shown[1].splitlines()
    lines = [re.sub(r".*?yaml:(\d+):.*", r"\1", line) for line in shown[1].splitlines()]
    named = re.findall(r"(?:starts at\s+|at )line\s+(\d+)", GUIDE)
    assert named == lines


def test_the_entry_is_valid_once_both_mistakes_are_mended(entry: Path) -> None:
    text = entry.read_text(encoding="utf-8")
    text = text.replace("delimeter", "delimiter").replace("min_scor:", "min_score:")
    entry.write_text(text, encoding="utf-8")
    assert problems(entry) == []
    assert f"headbook verify {entry.stem} " in GUIDE
