"""Committed evidence is what the verifier makes of the shipped model today."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from catalog.fingerprints import recipe_sha256
from catalog.schema.evidence import Evidence
from tests.verify.catalog_parts import catalog
from verify.loading import find, load
from verify.planning import jobs_of, select
from verify.running import run

TOLERANCE = 2e-3
"""On shares and logit shares; other processors and library versions round differently."""
MODEL = "headbook--reference-llama"


@cache
def made_again() -> dict[tuple[str, str], Evidence]:
    loaded = load(find("reference", catalog(), revision=None, described_as=None), device="cpu")
    jobs = jobs_of(select(catalog(), []))
    return {(e.head_type, e.recipe): e for e in run(loaded, catalog(), jobs)}


def committed() -> dict[tuple[str, str], Evidence]:
    return {(e.head_type, e.recipe): e for e in catalog().evidence.values() if e.model.id == MODEL}


def test_every_runnable_recipe_has_evidence_and_none_is_stale() -> None:
    jobs = jobs_of(select(catalog(), []))
    assert set(committed()) == {(job.head_type, job.recipe.id) for job in jobs}
    for job in jobs:
        record = committed()[job.head_type, job.recipe.id]
        wanted = recipe_sha256(job.recipe, catalog().vocabularies, catalog().texts)
        assert record.run.recipe_sha256 == wanted, f"{record.id} is stale; run: make evidence"


@pytest.mark.parametrize("key", sorted(committed()), ids=lambda key: ".".join(key))
def test_a_run_today_agrees(key: tuple[str, str]) -> None:
    before, now = committed()[key], made_again()[key]
    assert now.model == before.model
    assert now.run.prompts_sha256 == before.run.prompts_sha256
    assert now.verdict == before.verdict
    assert set(now.found) == set(before.found)
    if before.scores is None:
        assert now.scores is None
        return
    assert now.scores is not None
    for grid in ("mean", "control", "margin"):
        np.testing.assert_allclose(
            np.array(getattr(now.scores, grid), dtype=float),
            np.array(getattr(before.scores, grid), dtype=float),
            atol=TOLERANCE,
        )


def test_evidence_is_only_of_models_that_were_run_here() -> None:
    assert {record.model.id for record in catalog().evidence.values()} == {MODEL}


@pytest.mark.parametrize("head_type", ["previous-token", "induction", "name-mover", "successor"])
def test_the_learned_heads_that_the_model_was_trained_for_are_found(head_type: str) -> None:
    entry = catalog().head_types[head_type]
    assert entry.identify is not None
    records = [committed()[head_type, name] for name in entry.identify.recipes]
    joined = set.intersection(*(set(record.found) for record in records))
    assert joined
    # weights and attention, not patterns alone, for the two that write what they attend to
    if head_type in ("induction", "name-mover"):
        assert {record.measure for record in records} >= {"attention", "ov-copying"}


def test_the_untrained_twin_of_the_reference_model_has_none_of_them() -> None:
    import torch

    from verify.loading import wrap

    loaded = load(find("reference", catalog(), revision=None, described_as=None), device="cpu")
    torch.manual_seed(0)
    twin = type(loaded.model)(loaded.model.config)
    wrapped = wrap(twin.eval(), loaded.tokenizer, "untrained--twin")
    for record in run(wrapped, catalog(), jobs_of(select(catalog(), []))):
        assert record.found == ()
        assert record.verdict in ("not-found", "not-applicable"), record.id
