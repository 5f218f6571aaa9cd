"""Committed evidence is what the verifier makes of the shipped models today."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from catalog.fingerprints import recipe_sha256
from catalog.schema.evidence import Evidence
from tests.verify.catalog_parts import OBSERVED, catalog
from verify.loading import LoadedModel, find, load, wrap
from verify.planning import jobs_of, select
from verify.running import run

TOLERANCE = 2e-3
"""On shares and logit shares; other processors and library versions round differently."""
MODELS = {"reference": "headbook--reference-llama", "reference-gpt2": "headbook--reference-gpt2"}
Key = tuple[str, str]


@cache
def shipped(alias: str) -> LoadedModel:
    return load(find(alias, catalog(), revision=None, described_as=None), device="cpu")


@cache
def made_again(alias: str) -> dict[Key, Evidence]:
    jobs = jobs_of(select(catalog(), []))
    return {(e.head_type, e.recipe): e for e in run(shipped(alias), catalog(), jobs)}


def committed(alias: str) -> dict[Key, Evidence]:
    return {
        (e.head_type, e.recipe): e
        for e in catalog().evidence.values()
        if e.model.id == MODELS[alias]
    }


@pytest.mark.parametrize("alias", MODELS)
def test_every_runnable_recipe_has_evidence_and_none_is_stale(alias: str) -> None:
    jobs = jobs_of(select(catalog(), []))
    assert set(committed(alias)) == {(job.head_type, job.recipe.id) for job in jobs}
    for job in jobs:
        record = committed(alias)[job.head_type, job.recipe.id]
        wanted = recipe_sha256(job.recipe, catalog().vocabularies, catalog().texts)
        assert record.run.recipe_sha256 == wanted, f"{record.id} is stale; run: make evidence"


@pytest.mark.parametrize(
    ("alias", "key"),
    [(alias, key) for alias in MODELS for key in sorted(committed(alias))],
    ids=lambda part: part if isinstance(part, str) else ".".join(part),
)
def test_a_run_today_agrees(alias: str, key: Key) -> None:
    before, now = committed(alias)[key], made_again(alias)[key]
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
    assert {record.model.id for record in catalog().evidence.values()} == set(MODELS.values())


FOUND = ("previous-token", "induction", "name-mover", "successor")
"""The learned heads that both models were trained for."""


@pytest.mark.parametrize("alias", MODELS)
@pytest.mark.parametrize("head_type", FOUND)
def test_the_learned_heads_that_the_model_was_trained_for_are_found(
    alias: str, head_type: str
) -> None:
    entry = catalog().head_types[head_type]
    assert entry.identify is not None
    records = [committed(alias)[head_type, name] for name in entry.identify.recipes]
    joined = set.intersection(*(set(record.found) for record in records))
    assert joined
    # weights and attention, not patterns alone, for the two that write what they attend to
    if head_type in ("induction", "name-mover"):
        assert {record.measure for record in records} >= {"attention", "ov-copying"}


@pytest.mark.parametrize("alias", MODELS)
def test_the_untrained_twin_of_a_reference_model_has_none_of_them(alias: str) -> None:
    loaded = shipped(alias)
    torch.manual_seed(0)
    twin = type(loaded.model)(loaded.model.config)
    wrapped = wrap(twin.eval(), loaded.tokenizer, "untrained--twin")
    # what is lost without each head is looked at in the twins of planted models
    for record in run(wrapped, catalog(), jobs_of(select(catalog(), []), OBSERVED)):
        assert record.found == ()
        assert record.verdict in ("not-found", "not-applicable"), record.id
