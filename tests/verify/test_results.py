"""``verify.run`` and ``headbook profile``: what they say is what the records say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

import verify
from tests.planted import Planted, induction_model, random_twin
from tests.verify.catalog_parts import OBSERVED, catalog
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
        planted().model,
        planted().tokenizer,
        TYPES,
        strengths=OBSERVED,
        catalog=catalog(),
        name="planted--induction",
        progress=False,
    )


def heads() -> int:
    """Of the planted model."""
    config = planted().model.config
    return int(config.num_hidden_layers * config.num_attention_heads)


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
        planted().model,
        planted().tokenizer,
        TYPES,
        strengths=["weights"],
        catalog=catalog(),
        progress=False,
    )
    assert only.types == ()
    assert {record.measure for record in only.evidence.values()} == {"ov-copying"}
    assert only.unmeasured["induction"] == "prefix-matching (pattern) was left out"


def test_one_name_is_a_list_of_one() -> None:
    only = verify.run(
        planted().model,
        planted().tokenizer,
        "induction",
        stages="latent-reasoning",
        strengths="weights",
        progress=False,
    )
    assert set(only.evidence) == {("induction", "copying")}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"types": []}, "types is empty; None runs all that can be run"),
        ({"stages": ["late"]}, "stages are of knowledge-recalling, .*; not 'late'"),
        ({"strengths": "weigths"}, "strengths are of pattern, .*; not 'weigths'"),
        ({"strengths": ["triangulated"]}, "strengths are of pattern, .*; not 'triangulated'"),
        ({"name": "my model"}, "name is like local--model .*not 'my model'"),
        ({"seed": -1}, "seed is at least 0, not -1"),
        ({"batch_size": 0}, "batch_size is at least 1, not 0"),
        ({"limit_memory": 0}, "limit_memory is at least 1, not 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_the_work(
    wrong: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("verify.in_memory.wrap", None)  # nothing is read
    with pytest.raises(ValueError, match=said):
        verify.run(planted().model, planted().tokenizer, **wrong)


def test_a_slow_tokenizer_and_a_folder_that_cannot_be_are_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from verify.loading import ModelError

    monkeypatch.setattr("verify.in_memory.wrap", None)

    class Slow:
        is_fast = False

    with pytest.raises(ModelError, match="the tokenizer is not a fast one"):
        verify.run(planted().model, Slow())  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        verify.run(planted().model, planted().tokenizer, evidence=tmp_path / "file" / "evidence")


def test_what_can_be_run_is_listed() -> None:
    listed = verify.types()
    runnable = {entry.id for entry in catalog().head_types.values() if entry.runnable}
    assert set(listed) >= runnable
    assert listed["induction"] == catalog().head_types["induction"].summary
    read = verify.types(strengths="weights", stages=["latent-reasoning"], catalog=catalog())
    assert "induction" in read
    assert "previous-token" not in read
    with pytest.raises(ValueError, match="stages are of"):
        verify.types(stages="late")


def test_what_is_fresh_runs_again_where_that_is_wanted(tmp_path: Path) -> None:
    def go(**more: Any) -> str:
        verify.run(
            planted().model,
            planted().tokenizer,
            "previous-token",
            evidence=tmp_path,
            catalog=catalog(),
            progress=False,
            **more,
        )
        (path,) = tmp_path.rglob("*.json")
        written = path.read_text()
        path.write_text(written.replace('"reason": "', '"reason": "Marked. '))
        return written

    assert "Marked" not in go()
    assert "Marked" in go()
    assert "Marked" not in go(again=True)


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
            ["anti-induction"],
            evidence=tmp_path,
            seed=seed,
            catalog=catalog(),
            progress=False,
        )
        return sorted(ran)

    assert go(planted().model) == ["anti-copying", "prefix-matching"]
    assert go(planted().model) == []
    assert go(planted().model, seed=1) == ["anti-copying", "prefix-matching"]
    assert go(random_twin(planted(), 0).model) == ["anti-copying", "prefix-matching"]


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
    family = f"<small>over the {heads()} heads of this recipe</small>"
    assert f"<dt>q</dt><dd>&lt;0.001 {family}</dd>" in page
    assert "<td>&lt;0.001</td>" in page
    assert "<dt>q</dt><dd>0.000" not in page
    assert "q 0.000" not in page


def test_report_and_json_say_over_what_q_is_corrected() -> None:
    """Not over the recipes: as many tests as there are heads in each."""
    scored = {key: r.scores for key, r in results().evidence.items() if r.scores is not None}
    tested = {key: heads() for key, scores in scored.items() if scores.q is not None}
    assert len(tested) >= 2
    assert results().tested == tested
    page = report_html(results())
    assert (
        f"{len(tested)} recipes of this report with a q make {heads() * len(tested)} tests" in page
    )
    said = profile_files.to_json(results())["tests"]
    assert said["family"] == "the heads of one recipe"
    assert said["together"] == heads() * len(tested)
    assert {(one["head_type"], one["recipe"]): one["heads"] for one in said["recipes"]} == tested


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
