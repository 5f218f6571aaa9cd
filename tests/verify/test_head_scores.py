"""Scores that are kept while a pass runs, and prompts of heads that are made in their turn."""

from __future__ import annotations

import numpy as np
import pytest

from tests.planted.triples import triples_model
from tests.verify.catalog_parts import catalog
from tests.verify.tiny_models import tiny
from verify import running
from verify.anatomy import Anatomy
from verify.builders import build
from verify.loading import wrap
from verify.material import work_of_heads
from verify.measures.head_scores import HeadScores
from verify.planning import jobs_of, select


def filled(own: bool, units: int) -> tuple[HeadScores, np.ndarray]:
    """All numbers put in batches of unlike size, and the same as a grid [prompts, heads]."""
    anatomy = Anatomy(tiny("gpt2"))
    heads = anatomy.layers * anatomy.heads
    prompts = units * heads if own else units
    grid = np.random.default_rng(0).normal(size=(prompts, heads))
    made = HeadScores(anatomy, [n // units for n in range(prompts)] if own else [None] * prompts)
    for numbers in np.array_split(np.random.default_rng(1).permutation(prompts), 4):
        for layer in range(anatomy.layers):
            part = slice(layer * anatomy.heads, (layer + 1) * anatomy.heads)
            made.put(numbers, layer, grid[numbers, part])
    return made, grid


def test_of_prompts_for_all_heads_every_score_is_kept() -> None:
    made, grid = filled(own=False, units=7)
    np.testing.assert_array_equal(made.units(), grid)
    divide = np.arange(1.0, 8.0)
    np.testing.assert_array_equal(made.units(divide), grid / divide[:, None])


def test_of_prompts_for_one_head_its_own_score_is_kept() -> None:
    made, grid = filled(own=True, units=5)
    heads = grid.shape[1]
    assert made.values.shape == (5 * heads,)
    divide = np.random.default_rng(2).uniform(1, 2, size=len(grid))
    for head in range(heads):
        mine = slice(5 * head, 5 * (head + 1))
        np.testing.assert_array_equal(made.units()[:, head], grid[mine, head])
        np.testing.assert_array_equal(made.units(divide)[:, head], grid[mine, head] / divide[mine])


def test_prompts_of_heads_are_made_when_their_turn_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the weights of every head are searched for is no wait before the first record."""
    planted = triples_model("llama")
    loaded = wrap(planted.model, planted.tokenizer, "planted--triples")
    jobs = jobs_of(select(catalog(), ["skip-trigram", "previous-token"]))
    assert jobs[0].head_type == "skip-trigram"
    jobs = jobs[::-1]
    made: list[str] = []
    material_of = running.material_of

    def told(parameters, *rest):  # type: ignore[no-untyped-def]
        made.append(parameters.builder)
        return material_of(parameters, *rest)

    monkeypatch.setattr(running, "material_of", told)
    records = running.run(loaded, catalog(), jobs)
    assert next(records).head_type == "previous-token"
    assert "head-triples" not in made
    assert next(records).head_type == "skip-trigram"
    assert "head-triples" in made


def test_the_work_that_is_expected_is_what_comes() -> None:
    planted = triples_model("gpt2")
    loaded = wrap(planted.model, planted.tokenizer, "planted--triples")
    (group,) = {job.recipe.prompts for job in jobs_of(select(catalog(), ["skip-trigram"]))}
    words = running._Run(loaded, catalog(), running.Settings(), lambda *_: None, None).words
    prompts = build(group, words, loaded.anatomy)
    tokens = sum(len(p.ids) for made in prompts.variants.values() for p in made)
    assert work_of_heads(group, loaded.anatomy) == tokens
