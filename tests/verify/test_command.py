"""``headbook verify`` as a person or a script uses it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.commands.main import main
from catalog.commands.model_run import noticed_interrupts
from catalog.schema.evidence import Evidence
from tests.planted import induction_model
from tests.verify.catalog_parts import OBSERVED, catalog
from verify.planning import groups, jobs_of, select, waves

COMMAND = [sys.executable, "-c", "from catalog.commands.main import main; main()", "verify"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "130"}


Said = subprocess.CompletedProcess[str]
Verify = Callable[..., Said]
OF_MODEL_AS_IT_IS = [word for strength in OBSERVED for word in ("--strength", strength)]


def in_a_process(*arguments: str | Path) -> Said:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=300,
        check=False,
    )


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """The command in this process, where PyTorch is loaded already."""

    def ran(*arguments: str | Path) -> Said:
        command = ["headbook", "verify", *map(str, arguments)]
        capsys.readouterr()
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", command)
            patched.setenv("COLUMNS", "130")
            code = 0
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
        said = capsys.readouterr()
        return subprocess.CompletedProcess(command, code, said.out, said.err)

    return ran


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return induction_model("llama").save(tmp_path_factory.mktemp("models") / "planted")


def test_table_json_and_exit_codes(folder: Path, tmp_path: Path, verify: Verify) -> None:
    out = tmp_path / "evidence"
    common = ("--model", folder, "--out", out, *OF_MODEL_AS_IT_IS)
    first = in_a_process("induction", "successor", *common)
    assert first.returncode == 0, first.stderr
    line = next(line for line in first.stdout.splitlines() if "prefix-matching" in line)
    assert "induction" in line
    assert "found" in line
    assert "1.0" in line
    assert line.rstrip(" │").endswith("<0.001")  # 16 heads and 64 prompts: .0002 or so
    written = sorted(p.relative_to(out / "local--planted").as_posix().partition("/")[2]
                     for p in out.rglob("*.json"))  # fmt: skip
    assert written == [
        "examples/induction.json",
        "induction.copying.json",
        "induction.prefix-matching.json",
        "successor.successor-mapping.json",
    ]

    second = verify("induction", *common, "--format", "json")
    assert "2 recipes have fresh evidence; nothing to run" in second.stderr
    answer = json.loads(second.stdout)
    (result,) = answer["results"]
    assert answer["model"] == "local--planted"
    assert result["verdict"] == "found"
    assert result["found"] == ["1.0"]
    prefix = next(r for r in result["recipes"] if r["recipe"] == "prefix-matching")
    assert prefix["score"] > 0.95
    assert prefix["control"] < 0.1

    expecting = (*common, "--expect", "found")
    assert verify("induction", *expecting).returncode == 0
    assert verify("induction", "successor", *expecting).returncode == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["inducton"], 2, "headbook: no head type 'inducton'; did you mean 'induction'?"),
        (
            ["--model", "no/folder/here"],
            1,
            "headbook: unknown model 'no/folder/here' (expected: id or alias",
        ),
        (["--dtype", "int8"], 2, "headbook: --dtype is one of float32, bfloat16, float16"),
        (["--expect", "yes"], 2, "headbook: --expect is one of found, not-found"),
        (["--format", "xml"], 2, "'xml' is not one of 'text', 'json'"),
        (
            ["--device", "tpu"],
            2,
            "headbook: --device is auto, cpu, cuda, cuda:N, mps or several, not 'tpu'",
        ),
        (["--batch-size", "0"], 2, "--batch-size"),
    ],
)
def test_wrong_use_is_one_sentence(
    arguments: list[str], code: int, message: str, verify: Verify
) -> None:
    ran = verify(*arguments)
    assert ran.returncode == code
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


MANY = [
    "attention-sink",
    "block-head",
    "duplicate-token",
    "local-head",
    "previous-token",
    "successor",
]
"""Six groups of recipes, each with prompts of its own."""


def test_a_killed_run_goes_on_where_it_was(folder: Path, tmp_path: Path, verify: Verify) -> None:
    arguments = [*MANY, "--model", str(folder), "--out", str(tmp_path)]
    process = subprocess.Popen(
        [*COMMAND, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert kept
    recorded = {
        (record.head_type, record.recipe)
        for record in map(Evidence.model_validate_json, kept.values())
    }
    # one group at most is in parts; those before it are whole, and nothing of those after it is
    planned = [
        {job.key for job in group}
        for wave in waves(jobs_of(select(catalog(), MANY)))
        for group in groups(wave)
    ]
    whole = [group <= recorded for group in planned]
    begun = [bool(group & recorded) for group in planned]
    assert begun[: sum(whole)] == whole[: sum(whole)]
    assert sum(begun) <= sum(whole) + 1

    ran = verify(*arguments, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    runnable = len(jobs_of(select(catalog(), MANY)))
    assert f"{len(kept)} of {runnable} recipes have fresh evidence" in ran.stderr
    done = [path for path in tmp_path.rglob("*.json") if path.parent.name != "examples"]
    assert len(done) == runnable
    assert all(path.read_bytes() == content for path, content in kept.items())


def test_an_interrupt_says_how_to_go_on(folder: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, *MANY, "--model", str(folder), "--out", str(tmp_path)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "headbook: interrupted; run the same command to go on" in said
    assert "Traceback" not in said


def test_an_interrupt_that_was_swallowed_stops_the_run_all_the_same() -> None:
    before = signal.getsignal(signal.SIGINT)
    with noticed_interrupts() as stop_if_interrupted:
        stop_if_interrupted()
        with contextlib.suppress(KeyboardInterrupt):  # as a library does that catches everything
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop_if_interrupted()
    assert signal.getsignal(signal.SIGINT) is before
