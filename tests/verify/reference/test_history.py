"""Checkpoints: the same numbers as evidence, shortened, and under a revision of their own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.verify.catalog_parts import catalog
from verify.evidence_files import checkpoint_path, write_checkpoint
from verify.planning import jobs_of, select
from verify.reference.history import checkpoint_of, is_fresh, load_snapshot, main, snapshots_in
from verify.running import run

MODELS = Path(__file__).parents[3] / "verify" / "reference"
PROGRESS = {"step": 7, "tokens": 700, "loss": 2.5, "accuracy": {"induction": 0.25}}
SHIPPED = {"llama": "headbook--reference-llama", "gpt2": "headbook--reference-gpt2"}


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    """The shipped weights, as if training had kept them after seven steps."""
    folder = tmp_path / "step-000007"
    shutil.copytree(MODELS / "llama", folder)
    (folder / "progress.json").write_text(json.dumps(PROGRESS), encoding="utf-8")
    (tmp_path / "notes").mkdir()
    return tmp_path


def test_a_checkpoint_says_what_evidence_says(snapshots: Path, tmp_path: Path) -> None:
    ((step, folder),) = snapshots_in(snapshots)
    entry = catalog().models[SHIPPED["llama"]]
    loaded = load_snapshot(entry, step, folder)
    assert loaded.revision == f"{entry.revision}-step000007"
    jobs = jobs_of(select(catalog(), ["previous-token"]))
    made = checkpoint_of(loaded, PROGRESS, list(run(loaded, catalog(), jobs)))
    assert (made.step, made.tokens, made.loss) == (7, 700, 2.5)
    assert made.accuracies == {"induction": 0.25}
    (result,) = made.results
    record = catalog().evidence[f"{entry.id}/{entry.revision}/previous-token.previous-position"]
    assert (result.verdict, set(result.found)) == (record.verdict, set(record.found))
    assert record.scores is not None
    for name in ("mean", "low", "high", "control"):
        np.testing.assert_allclose(getattr(result, name), getattr(record.scores, name), atol=2e-3)
    path = write_checkpoint(made, tmp_path / "out")
    assert path == checkpoint_path(tmp_path / "out", entry.id, loaded.revision)
    assert type(made).model_validate_json(path.read_text(encoding="utf-8")) == made
    assert is_fresh(made, loaded, jobs, catalog())
    more = jobs_of(select(catalog(), ["previous-token", "induction"]))
    assert not is_fresh(made, loaded, more, catalog())


def test_a_folder_without_snapshots_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds no folders named step-000512"):
        main([str(tmp_path)])


@pytest.mark.parametrize("family", ["gpt2"])
def test_the_committed_history_leads_to_the_shipped_weights(family: str) -> None:
    entry = catalog().models[SHIPPED[family]]
    history = sorted(
        (c for c in catalog().checkpoints.values() if c.model.id == entry.id), key=lambda c: c.step
    )
    assert len(history) >= 12
    assert {checkpoint.of for checkpoint in history} == {entry.revision}
    ratios = np.diff(np.log([checkpoint.step for checkpoint in history]))
    assert ratios.max() / ratios.min() < 1.3  # spaced over the logarithm
    report = json.loads((MODELS / family / "training.json").read_text(encoding="utf-8"))
    log = {one["step"]: one for one in report["log"]}
    for checkpoint in history:
        assert checkpoint.loss == log[checkpoint.step]["loss"]
        assert checkpoint.accuracies == log[checkpoint.step]["accuracy"]
    last = history[-1]
    assert last.tokens == report["tokens"]
    compared = 0
    for result in last.results:
        name = f"{entry.id}/{entry.revision}/{result.head_type}.{result.recipe}"
        record = catalog().evidence.get(name)
        if record is None or record.run.recipe_sha256 != result.recipe_sha256:
            continue  # a recipe that has come or changed since
        assert last.model.weights_sha256 == record.model.weights_sha256
        assert result.verdict == record.verdict
        if record.scores is not None:
            np.testing.assert_allclose(
                np.array(result.mean, dtype=float),
                np.array(record.scores.mean, dtype=float),
                atol=2e-3,
            )
        compared += 1
    assert compared >= 8
