"""``headbook diff``: two records, what differs, and an exit code that says whether."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.commands.errors import CommandError
from catalog.commands.main import app
from catalog.differences import compare
from catalog.loading import load
from catalog.schema.evidence import Evidence

NAME = "reference/induction.copying"


@cache
def shipped() -> Evidence:
    records = load().evidence.values()
    return next(
        record
        for record in records
        if record.head_type == "induction"
        and record.recipe == "copying"
        and record.model.id == "headbook--reference-llama"
    )


def changed() -> Evidence:
    """The shipped record with head 1.0 lost, another seed, and one score moved by 0.25."""
    record = shipped()
    assert record.scores is not None
    mean = [list(row) for row in record.scores.mean]
    assert mean[1][0] is not None
    mean[1][0] = round(mean[1][0] - 0.25, 6)
    status = [list(row) for row in record.scores.status]
    status[1][0] = "fails"
    content = record.model_dump(mode="json")
    content["scores"]["mean"] = mean
    content["scores"]["status"] = status
    content["found"] = [head for head in content["found"] if head != "1.0"]
    content["run"]["seed"] = 7
    return Evidence.model_validate_json(json.dumps(content))


@pytest.fixture
def diff(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    (tmp_path / "changed.json").write_text(changed().model_dump_json())

    def run(*arguments: str) -> tuple[int, str]:
        words = [w.replace("CHANGED", str(tmp_path / "changed.json")) for w in arguments]
        ran = CliRunner().invoke(app, ["diff", *words])
        if isinstance(ran.exception, CommandError):
            return ran.exception.exit_code, str(ran.exception)
        return ran.exit_code, ran.output

    return run


def test_a_record_does_not_differ_from_itself(diff: Callable[..., tuple[int, str]]) -> None:
    code, said = diff(NAME, NAME)
    assert code == 0
    assert "no difference (largest change of a score or margin: 0)" in said


def test_every_difference_is_told(diff: Callable[..., tuple[int, str]]) -> None:
    code, said = diff(NAME, "CHANGED")
    assert code == 1
    assert "run.seed: 0 -> 7" in said
    assert "heads lost: 1.0" in said
    assert "1 of 16 heads score otherwise:" in said
    line = next(line for line in said.splitlines() if line.strip().startswith("1.0 "))
    assert "-0.2500" in line
    assert "passes -> fails" in line
    code, said = diff("CHANGED", NAME, "--format", "json")
    answer = json.loads(said)
    assert code == 1
    assert answer["gained"] == ["1.0"]
    assert [head["head"] for head in answer["heads"]] == ["1.0"]
    assert answer["heads"][0]["change"] == pytest.approx(0.25)


def test_the_tolerance_hides_small_changes_and_no_status() -> None:
    found = compare(shipped(), changed(), tolerance=0.5)
    assert [head.head for head in found.heads] == ["1.0"]  # its status changed


def test_models_of_two_sizes_are_compared_by_verdict_only() -> None:
    small = shipped()
    other = small.model_copy(
        update={"model": small.model.model_copy(update={"layers": 5, "heads": 4})}
    )
    found = compare(small, other)
    assert found.compared == 0
    assert found.not_compared == (
        "the models differ in size (4 layers x 4 heads, 5 layers x 4 heads)"
    )
    assert found.different


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NAME, "reference/induction.prefix-matching"), "one record is of induction.copying, the"),
        ((NAME, "reference/induction.copyin"), "did you mean induction.copying?"),
        ((NAME, "gpt2/induction.copying"), "there is no evidence on openai-community--gpt2; run:"),
        ((NAME, "gpt3/induction.copying"), "unknown model 'gpt3'"),
        ((NAME, "no-such-file.json"), "there is no file no-such-file.json"),
        ((NAME, __file__), "is no evidence record: the file: Invalid JSON"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    diff: Callable[..., tuple[int, str]], arguments: tuple[str, str], said: str
) -> None:
    code, message = diff(*arguments)
    assert code == 2
    assert said in message
    assert "\n" not in message.strip()
