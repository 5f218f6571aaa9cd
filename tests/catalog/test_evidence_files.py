"""Evidence is read as strictly as entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog.loading import load, read
from tests.catalog.entries_tree import EVIDENCE, evidence_record, put, write_evidence

FILE = f"entries/evidence/{EVIDENCE}"


def lines(entries: Path, *extra: Path) -> list[str]:
    return [str(problem) for problem in read(entries, extra).problems]


def changed(**changes: Any) -> dict[str, Any]:
    """The record with values replaced; ``a__b`` is field b of a."""
    record = evidence_record()
    for name, value in changes.items():
        *outer, last = name.split("__")
        place = record
        for step in outer:
            place = place[step]
        place[last] = value
    return record


def test_a_record_is_found_by_its_id(entries: Path) -> None:
    write_evidence(entries / "evidence")
    (name,) = load(entries).evidence
    assert name == "headbook--tiny/v1/previous-token.previous-position"
    assert load(entries).evidence[name].found == ("0.1",)


@pytest.mark.parametrize(
    ("changes", "anchor", "message"),
    [
        (
            {"model__kv_heads": 2},
            '2,\n  "weights_sha256"',
            "model.kv_heads: 2 kv_heads were run, but headbook--tiny has 1",
        ),
        (
            {"scores__se": [[0.0, 0.0]]},
            '[\n   [\n    0.0,\n    0.0\n   ]\n  ],\n  "control"',
            "scores.se: is not 2 layers x 2 heads",
        ),
        (
            {"found": ["2.0"]},
            '"2.0"',
            "found[0]: there is no head '2.0' in 2 layers of 2 heads",
        ),
        (
            {"verdict": "maybe"},
            '"maybe"',
            "verdict: must be one of found, not-found, inconclusive, not-applicable, not 'maybe'",
        ),
        ({"verdit": "found"}, '"verdit"', "verdit: unknown field; did you mean 'verdict'?"),
    ],
)
def test_a_record_that_does_not_fit(
    entries: Path, changes: dict[str, Any], anchor: str, message: str
) -> None:
    file = write_evidence(entries / "evidence", changed(**changes))
    text = file.read_text(encoding="utf-8")
    before = text[: text.index(anchor)]
    row, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    assert lines(entries) == [f"{FILE}:{row}:{column} {message}"]


def test_scores_of_another_shape(entries: Path) -> None:
    write_evidence(entries / "evidence", changed(scores__mean=[[0.1, 0.9]]))
    assert lines(entries) == [f"{FILE}:1:1: scores.mean is not 2 layers x 2 heads"]


def test_a_record_in_the_wrong_place(entries: Path) -> None:
    write_evidence(entries / "evidence", changed(model__revision="v2"))
    assert lines(entries) == [
        f"{FILE}: must lie at headbook--tiny/v2/previous-token.previous-position.json, by what it"
        " says of itself"
    ]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "headbook--tinny/v1/previous-token.previous-position.json",
            {"model__id": "headbook--tinny"},
            "model.id: unknown model 'headbook--tinny'; did you mean 'headbook--tiny'?",
        ),
        (
            "headbook--tiny/v1/induction.previous-position.json",
            {"head_type": "induction"},
            "head_type: unknown head type 'induction'; there is no"
            " entries/head-types/induction.yaml",
        ),
        (
            "headbook--tiny/v1/previous-token.other.json",
            {"recipe": "other"},
            "recipe: previous-token has no recipe 'other' (recipes: previous-position)",
        ),
    ],
)
def test_a_record_of_something_unknown(
    entries: Path, name: str, changes: dict[str, Any], message: str
) -> None:
    write_evidence(entries / "evidence", changed(**changes), name)
    (line,) = lines(entries)
    place, _, told = line.partition(" ")
    assert place.startswith(f"entries/evidence/{name}:")
    assert told == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "1:1: not valid JSON: Expecting value"),
        (
            b'{"a": 1,\n  }',
            "2:3: not valid JSON: Expecting property name enclosed in double quotes",
        ),
        (b'{"a": 1, "a": 2}', "1:1: not valid JSON: the field 'a' is given twice"),
        (
            b'{"a": NaN}',
            "1:1: not valid JSON: NaN is not a JSON number; write null where a number does not"
            " exist",
        ),
        (b'{"a": 1e999}', "1:1: not valid JSON: the number 1e999 is too large or too long"),
        (
            b'{"a": ' + b"9" * 5000 + b"}",
            "1:1: not valid JSON: the number 99999999999999999999... is too long",
        ),
        (
            b'{"a": "\\ud800"}',
            "1:1: half a surrogate pair (\\ud800-\\udfff) is no character",
        ),
        (b"[" * 100_000, "1:1: nested too deep"),
        (b'{"a": "\xff"}', "1:8: byte 0xff is not UTF-8; save the file as UTF-8"),
        (b"[]", "1:1: must be fields (name: value), not a list"),
        (b" " * 16_000_001, "1:1: the file is larger than 16,000,000 bytes"),
    ],
)
def test_what_is_no_record(entries: Path, content: bytes, message: str) -> None:
    put(entries / "evidence", EVIDENCE, content)
    assert lines(entries) == [f"{FILE}:{message}"]


# --- evidence of users -----------------------------------------------------------------------


def test_later_folders_win(entries: Path, tmp_path: Path) -> None:
    write_evidence(entries / "evidence")
    first = write_evidence(tmp_path / "first", changed(reason="first")).parents[2]
    second = write_evidence(tmp_path / "second", changed(reason="second")).parents[2]
    name = EVIDENCE.removesuffix(".json")
    assert load(entries).evidence[name].reason == "1 of 4 heads passes."
    assert load(entries, [first]).evidence[name].reason == "first"
    assert load(entries, [first, second]).evidence[name].reason == "second"
    assert load(entries, [second, first]).evidence[name].reason == "first"


def test_the_model_of_a_user_is_kept_out(entries: Path, tmp_path: Path) -> None:
    extra = tmp_path / "mine"
    record = changed(model__id="me--mine")
    write_evidence(extra, record, "me--mine/v1/previous-token.previous-position.json")
    put(extra, "me--mine/v1/report.html", "<p>")
    put(extra, "headbook--tiny/notes.txt", "x")
    assert lines(entries, extra) == []
    assert load(entries, [extra]).evidence == {}


def test_a_users_record_of_a_known_model_is_checked(entries: Path, tmp_path: Path) -> None:
    extra = tmp_path / "mine"
    write_evidence(extra, changed(recipe="other"), "headbook--tiny/v1/previous-token.other.json")
    (line,) = lines(entries, extra)
    assert line.startswith(f"{extra.as_posix()}/headbook--tiny/v1/previous-token.other.json:")
    assert line.endswith("has no recipe 'other' (recipes: previous-position)")


def test_a_missing_folder_is_told(entries: Path, tmp_path: Path) -> None:
    assert lines(entries, tmp_path / "none") == [
        f"{(tmp_path / 'none').as_posix()}: there is no such folder"
    ]


def test_records_survive_a_round_through_json(entries: Path) -> None:
    file = write_evidence(entries / "evidence")
    record = load(entries).evidence[EVIDENCE.removesuffix(".json")]
    assert json.loads(record.model_dump_json(exclude_unset=True)) == json.loads(
        file.read_text(encoding="utf-8")
    )
