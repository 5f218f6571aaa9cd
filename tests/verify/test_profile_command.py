"""``headbook profile`` from start to end: whole, killed and gone on with, and with a failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import verify
import verify.running
import verify.scoring
from catalog.commands.main import main
from catalog.schema.evidence import Evidence
from tests.planted import induction_model
from tests.verify.catalog_parts import OBSERVED, catalog
from verify.planning import Job, jobs_of, select

TYPES = ["previous-token", "anti-induction", "induction"]
"""Two of their recipes read the same prompts, and two others weights on the same tokens."""
RECIPES = {
    ("previous-token", "previous-position"),
    ("anti-induction", "prefix-matching"),
    ("anti-induction", "anti-copying"),
    ("induction", "prefix-matching"),
    ("induction", "copying"),
}
KILLED = """
import os, signal, sys
import verify.running
from catalog.commands.main import main

original = verify.running.score
log = open(sys.argv.pop(1), "w")

def score(jobs, *rest):
    names = ["/".join(job.key) for job in jobs]
    print(*names, file=log, flush=True)
    if "induction/copying" in names:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(jobs, *rest)

verify.running.score = score
main()
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return induction_model("llama").save(tmp_path_factory.mktemp("models") / "planted")


def arguments(model: Path, out: Path) -> list[str]:
    types = ["--types", ",".join(TYPES)]
    strengths = [word for strength in OBSERVED for word in ("--strength", strength)]
    return ["profile", str(model), *types, *strengths, "--out", str(out)]


def profile(model: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the command in this process; gives its exit code."""
    with monkeypatch.context() as patched:
        patched.setattr(sys, "argv", ["headbook", *arguments(model, out)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def records(out: Path) -> dict[tuple[str, str], bytes]:
    """Bytes of the evidence below a folder by head type and recipe, each checked to be whole."""
    made = {}
    for path in (out / "evidence").rglob("*.json"):
        content = path.read_bytes()
        record = Evidence.model_validate_json(content)
        made[record.head_type, record.recipe] = content
    return made


def test_a_profile_that_is_killed_and_goes_on(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = jobs_of(select(catalog(), TYPES), OBSERVED)
    assert {job.key for job in jobs} == RECIPES
    log = tmp_path / "begun.txt"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(log), *arguments(model, tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    begun = {tuple(name.split("/")) for name in log.read_text().split()}
    kept = records(tmp_path)
    assert begun == RECIPES
    assert begun - kept.keys() == {("induction", "copying")}  # what is lost: that in flight
    assert not (tmp_path / "report.html").exists()

    assert profile(model, tmp_path, monkeypatch) == 0
    said = capsys.readouterr()
    assert "4 of 5 recipes have fresh evidence" in said.err
    assert "induction       1.0" in said.out
    whole = records(tmp_path)
    assert whole.keys() == RECIPES
    assert all(whole[key] == content for key, content in kept.items())
    made = json.loads((tmp_path / "profile.json").read_text())
    assert "induction" in made["heads"]["1.0"]
    assert made["failed"] == []
    assert made["unmeasured"] == {}
    page = (tmp_path / "report.html").read_text()
    assert all(f'id="type-{name}"' in page for name in TYPES)
    table = pyarrow.parquet.read_table(tmp_path / "heads.parquet").to_pylist()
    assert {(row["head_type"], row["recipe"]) for row in table} == RECIPES

    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert profile(model, tmp_path, monkeypatch) == 0
    assert "5 recipes have fresh evidence; nothing to run" in capsys.readouterr().err
    for name, content in before.items():
        assert (tmp_path / name).read_bytes() == content


def test_a_profile_with_a_recipe_that_fails(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = verify.scoring.WEIGHTS["ov-copying"]

    def failing(made: Any, *rest: Any) -> Any:
        if made.id == "copying":
            raise MemoryError("no room for the unembedding")
        return original(made, *rest)

    with monkeypatch.context() as patched:
        patched.setitem(verify.scoring.WEIGHTS, "ov-copying", failing)
        assert profile(model, tmp_path, patched) == 1
    said = capsys.readouterr()
    reason = "out of memory: no room for the unembedding"
    assert f"induction.copying: {reason}" in said.err
    assert "headbook: 1 recipe could not be computed; the same command tries it again" in said.err
    assert records(tmp_path).keys() == RECIPES - {("induction", "copying")}
    made = json.loads((tmp_path / "profile.json").read_text())
    assert made["unmeasured"] == {"induction": f"copying failed: {reason}"}
    assert [one["recipe"] for one in made["failed"]] == ["copying"]
    assert reason in (tmp_path / "report.html").read_text()
    assert (tmp_path / "heads.parquet").exists()

    assert profile(model, tmp_path, monkeypatch) == 0
    assert "4 of 5 recipes have fresh evidence" in capsys.readouterr().err
    assert records(tmp_path).keys() == RECIPES


class _Killed(BaseException):
    """Stops a run as a signal does: nothing catches it."""


@pytest.mark.parametrize("last", [0, 2, 5])
def test_whenever_a_run_stops_the_group_in_flight_is_all_that_is_lost(
    last: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, begun = verify.running.score, list[set[tuple[str, str]]]()

    def score(jobs: Sequence[Job], *rest: Any) -> Any:
        begun.append({job.key for job in jobs})
        if len(begun) > last:
            raise _Killed
        return original(jobs, *rest)

    monkeypatch.setattr(verify.running, "score", score)
    planted = induction_model("llama")
    try:
        verify.run(
            planted.model,
            planted.tokenizer,
            TYPES,
            strengths=OBSERVED,
            evidence=tmp_path / "evidence",
            progress=False,
        )
    except _Killed:
        lost = set().union(*begun) - records(tmp_path).keys()
        assert lost == begun[-1]
        assert len(lost) <= 2  # the two that read the same prompts
    else:
        assert records(tmp_path).keys() == RECIPES
