"""``verify.run`` and ``headbook profile``: what they say is what the records say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from transformers import PreTrainedModel

import verify
from tests.planted import Planted, induction_model, random_twin
from verify import profile_files
from verify.report import report_html
from verify.results import Results

TYPES = ["induction", "previous-token", "name-mover"]


@cache
def planted() -> Planted:
    return induction_model("llama")


@cache
def results() -> Results:
    """Of planted heads: 1.0 is an induction head, and the task of name movers is beyond it."""
    return verify.run(
        planted().model, planted().tokenizer, TYPES, name="planted--induction", progress=False
    )


def test_importing_the_package_stays_cheap() -> None:
    program = "import sys, verify; print('torch' in sys.modules, callable(verify.run))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_planted_head_is_found_and_the_gated_type_says_why() -> None:
    assert results()["induction"].found == ("1.0",)
    assert "induction" in results().heads["1.0"]
    assert results()["name-mover"].verdict == "not-applicable"
    assert "gate not met" in results()["name-mover"].reason
    assert list(results()) == TYPES
    assert "induction: found: 1.0" in repr(results())


def test_what_was_not_asked_for_is_told_apart_from_what_has_no_verdict() -> None:
    with pytest.raises(KeyError, match="'inducton' was not asked for; did you mean 'induction'"):
        results()["inducton"]
    with pytest.raises(LookupError, match="no head type 'inducton'; did you mean 'induction'"):
        verify.run(planted().model, planted().tokenizer, ["inducton"])
    only = verify.run(
        planted().model, planted().tokenizer, TYPES, strengths=["weights"], progress=False
    )
    assert only.types == ()
    assert {record.measure for record in only.evidence.values()} == {"ov-copying"}
    assert only.unmeasured["induction"] == "prefix-matching (pattern) was left out"


def test_the_frame_has_a_row_for_each_head_and_recipe() -> None:
    frame = results().to_frame()
    scored = [record for record in results().evidence.values() if record.scores is not None]
    record = scored[0]
    assert len(frame) == len(scored) * record.model.layers * record.model.heads
    row = frame.query("recipe == 'prefix-matching' and layer == 1 and head == 0").iloc[0]
    prefix = results().evidence["induction", "prefix-matching"]
    assert prefix.scores is not None
    assert row["score"] == prefix.scores.mean[1][0]
    assert row["low"] <= row["score"] <= row["high"]
    assert bool(row["found"])
    found = frame[frame["found"]].query("recipe == 'prefix-matching'")
    assert [
        f"{layer}.{head}" for layer, head in zip(found["layer"], found["head"], strict=True)
    ] == (list(prefix.found))


def test_pictures_are_svg_that_names_the_found_head() -> None:
    assert "1.0: Induction head" in results().plot()._repr_html_()
    assert "1.0" in results().plot("induction")._repr_html_()
    gated = next(record for record in results().evidence.values() if record.scores is None)
    with pytest.raises(ValueError, match="was not applicable: gate not met"):
        results().plot(gated.head_type, gated.recipe)
    with pytest.raises(KeyError, match="there is no evidence on successor"):
        results().plot("successor")
    assert "<table>" in results()._repr_html_()


def test_records_are_kept_and_only_what_changed_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import verify.in_memory

    ran: list[str] = []
    original = verify.in_memory.run_jobs

    def counted(loaded, catalog, jobs, *rest):  # type: ignore[no-untyped-def]
        ran.extend(job.recipe.id for job in jobs)
        return original(loaded, catalog, jobs, *rest)

    monkeypatch.setattr(verify.in_memory, "run_jobs", counted)

    def go(model: PreTrainedModel, seed: int = 0) -> list[str]:
        ran.clear()
        verify.run(
            model,
            planted().tokenizer,
            ["induction"],
            evidence=tmp_path,
            seed=seed,
            progress=False,
        )
        return sorted(ran)

    assert go(planted().model) == ["copying", "prefix-matching"]
    assert go(planted().model) == []
    assert go(planted().model, seed=1) == ["copying", "prefix-matching"]
    assert go(random_twin(planted(), 0).model) == ["copying", "prefix-matching"]


def test_the_report_is_whole_and_loads_nothing() -> None:
    page = report_html(results())
    assert page == report_html(results())
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe)|@import|url\(", page)
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    for needed in ('id="mosaic"', 'id="type-induction"', "gate not met", "accuracy", "1.0"):
        assert needed in page
    named = set(re.findall(r'href="#([^"]+)"', page))
    assert named <= set(re.findall(r'id="([^"]+)"', page))


def test_the_report_rounds_no_q_to_nothing() -> None:
    least = min(
        q
        for record in results().evidence.values()
        if record.scores is not None and record.scores.q is not None
        for row in record.scores.q
        for q in row
        if q is not None
    )
    assert 0 < least < 0.0005
    page = report_html(results())
    assert "<dt>q</dt><dd>&lt;0.001</dd>" in page
    assert "<td>&lt;0.001</td>" in page
    assert "<dt>q</dt><dd>0.000" not in page
    assert "q 0.000" not in page


def test_hostile_names_stay_text() -> None:
    from dataclasses import replace

    nasty = "</style><script>alert(1)</script>\"'&"
    page = report_html(replace(results(), name=nasty))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<script" not in replace(results(), name=nasty)._repr_html_()


def test_the_files_of_a_profile_agree(tmp_path: Path) -> None:
    import pyarrow.parquet

    written = profile_files.write_profile(results(), tmp_path)
    assert [path.name for path in written] == ["report.html", "profile.json", "heads.parquet"]
    said = json.loads((tmp_path / "profile.json").read_text())
    assert said["heads"] == results().heads
    assert [r["head_type"] for r in said["results"]] == TYPES
    assert {gate["name"] for gate in said["failed_gates"]} >= {"accuracy"}
    table = pyarrow.parquet.read_table(tmp_path / "heads.parquet").to_pylist()
    assert len(table) == len(list(results().rows()))
    found = {(r["layer"], r["head"]) for r in table if r["found"] and r["recipe"] == "copying"}
    assert (1, 0) in found
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in written)


def test_without_pyarrow_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile_files, "can_write_parquet", lambda: False)
    written = profile_files.write_profile(results(), tmp_path)
    assert [path.name for path in written] == ["report.html", "profile.json"]
