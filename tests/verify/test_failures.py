"""A recipe that cannot be computed ends nothing but itself: the others' results stand."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import verify
import verify.in_memory
import verify.scoring
from tests.planted import Planted, induction_model
from tests.verify.catalog_parts import OBSERVED, catalog, recipe
from verify import evidence_files, profile_files
from verify.batches import is_out_of_memory
from verify.capture import CaptureFailed, LayerView, Reader
from verify.failures import reason_of
from verify.loading import wrap
from verify.planning import Job
from verify.report import report_html
from verify.running import run

TWO = ["attention-sink", "previous-token"]
"""Their recipes read the same prompts."""


@cache
def planted() -> Planted:
    return induction_model("llama")


def go(types: list[str], **more: Any) -> verify.Results:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return verify.run(
            planted().model,
            planted().tokenizer,
            types,
            catalog=catalog(),
            progress=False,
            **more,
        )


@cache
def plain() -> verify.Results:
    return go(TWO)


def spoil(monkeypatch: pytest.MonkeyPatch, recipe_id: str, *, in_pass: bool) -> None:
    """Let the measure of one recipe fail, while the model is read or once that is done."""
    original = verify.scoring.RUNNING["attention"]

    class Failing(Reader):
        def read(self, view: LayerView) -> None:
            raise CaptureFailed("the stream of this recipe is not finite")

    class Spoilt(original):  # type: ignore[misc,valid-type]
        def readers(self) -> Mapping[str, Sequence[Reader]]:
            if self.recipe.id == recipe_id and in_pass:
                return {self.main_variant: [Failing()]}
            made: Mapping[str, Sequence[Reader]] = super().readers()
            return made

        def units(self) -> Any:
            if self.recipe.id == recipe_id and not in_pass:
                raise ValueError("scores hold infinite values")
            return super().units()

    monkeypatch.setitem(verify.scoring.RUNNING, "attention", Spoilt)


@pytest.mark.parametrize(
    ("in_pass", "said"),
    [
        (True, "the stream of this recipe is not finite"),
        (False, "ValueError: scores hold infinite values"),
    ],
)
def test_the_other_recipes_on_the_same_prompts_stand(
    monkeypatch: pytest.MonkeyPatch, in_pass: bool, said: str
) -> None:
    before = plain()
    assert list(before) == TWO
    spoil(monkeypatch, "first-position", in_pass=in_pass)
    after = go(TWO)
    assert list(after) == ["previous-token"]
    (key,) = after.failed
    assert key == ("attention-sink", "first-position")
    assert after.failed[key].startswith(said)
    assert after.unmeasured == {"attention-sink": f"first-position failed: {after.failed[key]}"}
    mine = after.evidence["previous-token", "previous-position"]
    assert evidence_files.to_text(mine) == evidence_files.to_text(
        before.evidence["previous-token", "previous-position"]
    )
    assert "1 recipe not computed (see .failed)" in repr(after)


def test_one_who_does_not_ask_for_failures_gets_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, "first-position", in_pass=False)
    loaded = wrap(planted().model, planted().tokenizer, "planted--failing")
    jobs = [Job("attention-sink", recipe("attention-sink", "first-position"))]
    with pytest.raises(ValueError, match="scores hold infinite values"):
        list(run(loaded, catalog(), jobs))


def test_the_confirmation_can_fail_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that pass and cannot be scored again are no evidence of anything."""
    original = verify.running.score
    seeds: list[int] = []

    def scored(group: Any, material: Any, *rest: Any) -> Any:
        seeds.append(material.seed)
        if material.seed != seeds[0]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return original(group, material, *rest)

    monkeypatch.setattr(verify.running, "score", scored)
    results = go(["previous-token"])
    assert results.evidence == {}
    assert list(results.failed.values()) == [
        "out of memory: CUDA out of memory. Tried to allocate 2 GiB."
    ]


def test_report_and_files_say_what_failed_and_the_next_run_tries_just_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA <b>out</b> of memory")

    with monkeypatch.context() as patched:
        patched.setitem(verify.scoring.WEIGHTS, "ov-copying", full)
        with pytest.warns(UserWarning, match="1 of 3 recipes could not be computed"):
            results = verify.run(
                planted().model,
                planted().tokenizer,
                ["induction", "previous-token"],
                strengths=OBSERVED,
                catalog=catalog(),
                evidence=tmp_path / "evidence",
                progress=False,
            )
    assert list(results) == ["previous-token"]
    assert set(results.evidence) == {
        ("induction", "prefix-matching"),
        ("previous-token", "previous-position"),
    }
    reason = "out of memory: CUDA <b>out</b> of memory"
    profile_files.write_profile(results, tmp_path)
    said = json.loads((tmp_path / "profile.json").read_text())
    assert said["failed"] == [{"head_type": "induction", "recipe": "copying", "reason": reason}]
    assert said["unmeasured"] == {"induction": f"copying failed: {reason}"}
    page = report_html(results)
    assert "1 recipe could not be computed" in page
    assert "out of memory: CUDA &lt;b&gt;out" in page
    assert (tmp_path / "heads.parquet").exists()
    kept = {path.name: path.read_bytes() for path in (tmp_path / "evidence").rglob("*.json")}
    assert set(kept) == {
        "induction.prefix-matching.json",
        "previous-token.previous-position.json",
    }

    ran: list[str] = []
    original = verify.in_memory.run_jobs

    def counted(loaded: Any, entries: Any, jobs: Any, *rest: Any) -> Any:
        ran.extend(job.recipe.id for job in jobs)
        return original(loaded, entries, jobs, *rest)

    monkeypatch.setattr(verify.in_memory, "run_jobs", counted)
    again = go(
        ["induction", "previous-token"],
        strengths=OBSERVED,
        evidence=tmp_path / "evidence",
    )
    assert ran == ["copying"]
    assert again.failed == {}
    assert again["induction"].found == ("1.0",)


def test_ctrl_c_brings_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    original = verify.in_memory.run_jobs

    def stopped(*arguments: Any) -> Any:
        yield next(iter(original(*arguments)))
        raise KeyboardInterrupt

    monkeypatch.setattr(verify.in_memory, "run_jobs", stopped)
    with pytest.raises(KeyboardInterrupt) as caught:
        go(TWO)
    assert isinstance(caught.value, verify.Interrupted)
    assert len(caught.value.results.evidence) == 1


def test_a_full_disk_loses_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OSError("No space left on device")

    monkeypatch.setattr(evidence_files, "write", full)
    with pytest.warns(UserWarning, match="not every record could be written: No space left"):
        results = verify.run(
            planted().model, planted().tokenizer, TWO, evidence=tmp_path, progress=False
        )
    assert list(results) == TWO


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to"), True),
        (RuntimeError("shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_every_backend_says_in_its_own_way_that_memory_is_full(
    error: Exception, full: bool
) -> None:
    assert is_out_of_memory(error) == full
    assert reason_of(error).startswith("out of memory: ") == full


def test_a_failure_holds_on_to_no_tensor() -> None:
    """Else the recipes that are tried next find a device that is still full."""
    import gc
    import weakref

    from verify.failures import let_go

    watched: list[weakref.ref[Any]] = []

    def fill() -> None:
        large = np.zeros(10)
        watched.append(weakref.ref(large))
        try:
            raise RuntimeError("out of memory")
        except RuntimeError:
            raise CaptureFailed("does not fit") from None

    kept: list[Exception] = []
    try:
        fill()
    except CaptureFailed as error:
        let_go(error)
        kept.append(error)
    gc.collect()
    assert watched[0]() is None
    assert reason_of(kept[0]) == "does not fit"
