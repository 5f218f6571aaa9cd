"""Runs and their records: deterministic, independent of the batch, honest about what failed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from catalog.schema.evidence import Evidence
from catalog.schema.recipe import Recipe
from tests.planted import induction_model, random_twin
from tests.verify.catalog_parts import catalog, recipe
from verify import evidence_files
from verify.loading import wrap
from verify.planning import Job, groups, jobs_of, select
from verify.recording import Settings, evidence_model, run_record
from verify.running import run


def changed(original: Recipe, **parts: object) -> Recipe:
    content = json.loads(original.model_dump_json(exclude_none=True))
    for name, value in parts.items():
        content[name] = {**content.get(name, {}), **value} if isinstance(value, dict) else value
    return Recipe.model_validate_json(json.dumps(content))


def one(made: Recipe, head_type: str = "induction", settings: Settings | None = None) -> Evidence:
    planted = induction_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
    (record,) = run(loaded, catalog(), [Job(head_type, made)], settings)
    return record


def test_the_same_run_gives_the_same_bytes() -> None:
    prefix = recipe("induction", "prefix-matching")
    first, second = one(prefix), one(prefix)
    assert evidence_files.to_text(first) == evidence_files.to_text(second)
    assert evidence_files.to_text(one(prefix, settings=Settings(seed=5))) != (
        evidence_files.to_text(first)
    )


@pytest.mark.parametrize(
    ("head_type", "name"),
    [
        ("induction", "prefix-matching"),
        ("name-mover", "attends-to-indirect-object"),
        ("copy-suppression", "attends-to-predicted"),
        ("positional", "fixed-offset"),
    ],
)
def test_the_batch_size_does_not_change_the_numbers(head_type: str, name: str) -> None:
    made = recipe(head_type, name)
    records = [one(made, head_type, Settings(batch_size=size)) for size in (1, 16)]
    assert records[0].scores is not None
    assert records[1].scores is not None
    for grid in ("mean", "low", "high", "control", "margin"):
        left, right = (np.array(getattr(r.scores, grid), dtype=float) for r in records)
        np.testing.assert_allclose(left, right, atol=1e-5)


def test_a_record_survives_its_file(tmp_path: Path) -> None:
    record = one(recipe("induction", "prefix-matching"))
    path = evidence_files.write(record, tmp_path)
    assert path == tmp_path / "planted--induction" / record.model.revision / (
        "induction.prefix-matching.json"
    )
    assert evidence_files.read(path) == record
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert "[0." in path.read_text()  # a row of heads stands on one line
    assert all(len(line) < 400 for line in path.read_text().splitlines())


def test_a_write_that_fails_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = one(recipe("induction", "prefix-matching"))
    path = evidence_files.write(record, tmp_path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="disk full"):
        evidence_files.write(record.model_copy(update={"reason": "new"}), tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_a_killed_process_left_of_a_file_goes_with_its_next_writing(tmp_path: Path) -> None:
    record = one(recipe("induction", "prefix-matching"))
    path = evidence_files.write(record, tmp_path)
    left = [path.with_name(f".{path.name}.{end}.part") for end in ("old", "new")]
    other = path.with_name(".induction.copying.json.old.part")
    for part in (*left, other):
        part.write_text("half")
    for part in (left[0], other):
        os.utime(part, (0, 0))
    evidence_files.write(record, tmp_path)
    assert not left[0].exists()
    assert left[1].exists()  # another process may be writing it
    assert other.exists()
    assert evidence_files.read(path) == record


def test_evidence_is_stale_when_anything_it_depends_on_changes() -> None:
    planted = induction_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
    made = recipe("induction", "prefix-matching")
    settings = Settings()
    record = one(made)

    def fresh(made: Recipe = made, settings: Settings = settings) -> bool:
        wanted = run_record(made, loaded, catalog(), settings, "0" * 64)
        return evidence_files.is_fresh(record, evidence_model(loaded), wanted)

    assert fresh()
    assert fresh(settings=Settings(batch_size=3))
    assert fresh(changed(made, thresholds="Other words about the same numbers."))
    assert not fresh(changed(made, criterion={"min_score": 0.31}))
    assert not fresh(changed(made, prompts={"count": 63}))
    assert not fresh(settings=Settings(seed=1))
    other = wrap(random_twin(planted, 0).model, planted.tokenizer, "planted--induction")
    wanted = run_record(made, other, catalog(), settings, "0" * 64)
    assert not evidence_files.is_fresh(record, evidence_model(other), wanted)
    elsewhere = record.model_copy(
        update={"run": record.run.model_copy(update={"device": "cuda:1"})}
    )
    near = elsewhere.run.model_copy(update={"device": "cuda"})
    assert evidence_files.is_fresh(elsewhere, record.model, near)
    assert not evidence_files.is_fresh(elsewhere, record.model, record.run)
    older = {**record.run.versions, "torch": "2.0.0"}
    aged = record.model_copy(update={"run": record.run.model_copy(update={"versions": older})})
    wanted = run_record(made, loaded, catalog(), settings, "0" * 64)
    assert not evidence_files.is_fresh(aged, evidence_model(loaded), wanted)


def test_a_raised_version_of_the_engine_makes_evidence_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted = induction_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
    made = recipe("induction", "prefix-matching")
    record = one(made)
    assert record.run.engine == 1
    assert '"engine"' not in evidence_files.to_text(record)  # as in records made before it was
    monkeypatch.setattr("verify.recording.ENGINE_VERSION", 2)
    now = run_record(made, loaded, catalog(), Settings(), "0" * 64)
    assert evidence_files.what_changed(record, evidence_model(loaded), now) == ("engine",)
    newer = one(made)
    assert '"engine": 2' in evidence_files.to_text(newer)
    assert Evidence.model_validate_json(evidence_files.to_text(newer)) == newer
    assert evidence_files.is_fresh(newer, evidence_model(loaded), now)


def test_a_raised_version_of_a_builder_makes_evidence_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from catalog.fingerprints import recipe_sha256
    from catalog.schema.prompts import RepeatedRandomTokens

    made = recipe("induction", "prefix-matching")
    before = recipe_sha256(made, catalog().vocabularies, catalog().texts)
    monkeypatch.setattr(RepeatedRandomTokens, "version", RepeatedRandomTokens.version + 1)
    assert recipe_sha256(made, catalog().vocabularies, catalog().texts) != before


def test_a_word_list_is_part_of_the_recipe() -> None:
    from catalog.fingerprints import recipe_sha256

    made = recipe("name-mover", "name-copying")
    lists = dict(catalog().vocabularies)
    before = recipe_sha256(made, lists, catalog().texts)
    names = lists["names"]
    assert names.words is not None
    lists["names"] = names.model_copy(update={"words": (*names.words[:-1], "Zebulon")})
    assert recipe_sha256(made, lists, catalog().texts) != before


def test_a_failed_gate_is_not_applicable_and_says_why() -> None:
    made = changed(recipe("name-mover", "attends-to-indirect-object"), gate={"min_accuracy": 0.75})
    record = one(made, "name-mover")  # the induction model cannot do the task
    assert record.verdict == "not-applicable"
    assert record.scores is None
    assert record.reason.startswith("gate not met: accuracy 0.")
    assert [gate.passed for gate in record.gates if gate.name == "accuracy"] == [False]


def test_prompts_that_do_not_fit_the_context_are_not_applicable() -> None:
    made = changed(recipe("previous-token", "previous-position"), prompts={"length": 600})
    record = one(made, "previous-token")
    assert record.verdict == "not-applicable"
    assert record.reason == "prompts of 600 tokens do not fit a context of 512"


def test_a_threshold_inside_the_interval_is_inconclusive() -> None:
    """A head whose interval straddles the threshold neither passes nor fails."""
    made = recipe("positional", "fixed-offset")
    from tests.planted import pattern_model

    planted = pattern_model("gpt2")
    loaded = wrap(planted.model, planted.tokenizer, "planted--pattern")
    (record,) = run(loaded, catalog(), [Job("positional", made)])
    assert record.scores is not None
    # 1.2 follows content: its score on text is between 0.5 and 1
    score = record.scores.mean[1][2]
    assert score is not None
    straddling = changed(made, criterion={"min_score": score, "max_change": 1.0})
    (record,) = run(loaded, catalog(), [Job("positional", straddling)])
    assert "1.2" in record.unclear


def test_heads_that_fail_on_the_second_seed_are_unclear(monkeypatch: pytest.MonkeyPatch) -> None:
    import verify.running

    made = recipe("induction", "prefix-matching")
    original = verify.running.score
    passes: list[str] = []

    def scored(group, material, loaded, settings, advance):  # type: ignore[no-untyped-def]
        passes.append(material.sha256)
        if len(passes) == 2:
            planted = random_twin(induction_model("llama"), 1)
            loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
        return original(group, material, loaded, settings, advance)

    monkeypatch.setattr(verify.running, "score", scored)
    record = one(made)
    assert len(set(passes)) == 2
    assert record.verdict == "inconclusive"
    assert record.found == ()
    assert set(record.unclear) >= {"1.0"}
    assert not any(c.confirmed for c in record.confirmations)


def test_recipes_with_the_same_prompts_share_a_pass() -> None:
    chosen = jobs_of(select(catalog(), ["previous-token", "attention-sink", "induction"]))
    together = [sorted(f"{job.head_type}:{job.recipe.id}" for job in g) for g in groups(chosen)]
    assert ["attention-sink:first-position", "previous-token:previous-position"] in together


def test_unknown_head_types_are_suggested() -> None:
    with pytest.raises(LookupError, match="no head type 'inducton'; did you mean 'induction'"):
        select(catalog(), ["inducton"])


def test_a_model_in_training_mode_is_scored_without_dropout() -> None:
    from torch import nn

    planted = induction_model("gpt2")
    loaded = wrap(planted.model, planted.tokenizer, "planted--induction")
    made = [Job("induction", recipe("induction", name)) for name in ("prefix-matching", "copying")]
    before = [evidence_files.to_text(record) for record in run(loaded, catalog(), made)]
    for module in planted.model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.3
    planted.model.train()
    assert [evidence_files.to_text(record) for record in run(loaded, catalog(), made)] == before
    assert planted.model.training


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_finds_the_same_heads(dtype: str) -> None:
    import torch

    from tests.planted import indirect_object_model

    planted = indirect_object_model("llama")
    model = planted.model.to(getattr(torch, dtype))  # type: ignore[arg-type]
    loaded = wrap(model, planted.tokenizer, "planted--half")
    made = Job("name-mover", recipe("name-mover", "attends-to-indirect-object"))
    (record,) = run(loaded, catalog(), [made])
    assert record.run.dtype == dtype
    assert set(record.found) == {"1.0", "1.1"}


def test_a_stream_that_overflows_is_an_error_and_no_evidence() -> None:
    import torch

    from verify.anatomy import UnsupportedArchitecture
    from verify.capture import CaptureFailed

    planted = induction_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--overflow")
    with torch.no_grad():
        planted.model.model.norm.weight.fill_(3e38)  # type: ignore[union-attr]
    with pytest.raises(UnsupportedArchitecture, match="its logits are not finite"):
        wrap(planted.model, planted.tokenizer, "planted--overflow")
    made = Job("induction", recipe("induction", "prefix-matching"))
    with pytest.raises(CaptureFailed, match="the residual stream is not finite"):
        list(run(loaded, catalog(), [made]))
