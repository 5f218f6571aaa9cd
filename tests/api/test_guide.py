"""The lines of the API guide, run as they stand, against the shipped entries."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog import database
from catalog.loading import load
from tests.api.guide import LINES, PAGE, Line, run
from tests.api.served import serving

BLOCK = re.compile(r"```console\n\$ (curl [^\n]+)\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    file: Path = tmp_path_factory.mktemp("guide") / "headbook.sqlite"
    database.build(load(), file)
    with serving("--database", str(file)) as found:
        yield found


def shape(value: Any) -> Any:
    """Names and kinds, whatever the values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_the_page_has_ten_lines() -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert [command for command, _ in blocks] == [line.command for line in LINES]
    assert len(LINES) == 10


@pytest.mark.skipif(shutil.which("curl") is None, reason="the lines are for curl")
@pytest.mark.parametrize("number", range(len(LINES)))
def test_a_line_answers_what_the_page_shows(address: str, number: int) -> None:
    line: Line = LINES[number]
    answer = run(line, address)
    printed = BLOCK.findall(PAGE.read_text(encoding="utf-8"))[number][1]
    if not answer.startswith("{"):
        assert answer.splitlines()[0] == printed.splitlines()[0]
        return
    found = json.loads(answer)
    if printed.endswith("\n..."):  # cut: the members that are shown stand in the same order
        names = re.findall(r'^  "(\w+)":', printed, re.MULTILINE)
        assert list(found)[: len(names)] == names
    else:
        shown = json.loads(printed)
        assert list(shown) == list(found)
        if found.get("results"):
            assert shape(shown["results"][0]) == shape(found["results"][0])
        assert shape(shown.get("meta")) == shape(found.get("meta"))
