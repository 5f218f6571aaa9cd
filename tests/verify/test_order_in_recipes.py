"""Mappings whose order says which prompts are made: another order is another recipe."""

from __future__ import annotations

import json

import pytest

from catalog.fingerprints import prompts_content, recipe_sha256
from catalog.schema.recipe import Recipe
from catalog.schema.templates import Templates
from tests.verify.catalog_parts import catalog, recipe, words
from verify.builders.templates import templates
from verify.planning import Job, groups
from verify.sorting import correct_of

MADE = recipe("correct-letter-head", "attends-to-right-letter")


def reordered(name: str, original: Recipe = MADE) -> Recipe:
    """The same recipe with one mapping of its prompts written from its end on."""
    written = original.model_dump(by_alias=True, mode="json", exclude_none=True)
    mapping = written["prompts"][name]
    assert len(mapping) > 1
    written["prompts"][name] = dict(reversed(mapping.items()))
    return Recipe.model_validate_json(json.dumps(written))


def prompts_of(made: Recipe) -> list[tuple[tuple[int, ...], int]]:
    """What the builder makes: token ids, and the answer that counts as correct."""
    assert isinstance(made.prompts, Templates)
    few = made.prompts.model_copy(update={"count": 12})
    return [(prompt.ids, correct_of(prompt)) for prompt in templates(few, words()).main]


def sha256(made: Recipe) -> str:
    return recipe_sha256(made, catalog().vocabularies, catalog().texts)


@pytest.mark.parametrize("name", ["answers", "fill"])
def test_an_order_that_makes_other_prompts_makes_another_hash(name: str) -> None:
    other = reordered(name)
    assert prompts_of(other) != prompts_of(MADE)
    assert sha256(other) != sha256(MADE)
    assert sha256(reordered(name, other)) == sha256(MADE)


@pytest.mark.parametrize(
    ("head_type", "recipe_id", "name"),
    [
        ("argument-mover", "attends-to-next-argument", "corrupt"),
        ("correct-letter-head", "attends-to-right-letter", "roles"),
    ],
)
def test_an_order_that_means_nothing_leaves_the_hash(
    head_type: str, recipe_id: str, name: str
) -> None:
    made = recipe(head_type, recipe_id)
    other = reordered(name, made)
    assert prompts_of(other) == prompts_of(made)
    assert sha256(other) == sha256(made)


def test_recipes_that_differ_by_order_alone_share_no_pass() -> None:
    both = [Job("correct-letter-head", made) for made in (MADE, reordered("answers"))]
    assert groups(both) == [[both[0]], [both[1]]]


def test_a_mapping_in_sorted_order_is_hashed_as_it_is_written() -> None:
    """So that evidence of recipes without any doubt stands; only another order becomes a list."""
    assert isinstance(MADE.prompts, Templates)
    content = prompts_content(MADE.prompts)
    assert content["answers"] == {"correct": "right", "foil": "x"}
    assert [slot for slot, _ in content["fill"]] == list(MADE.prompts.fill)
    swapped = prompts_content(reordered("answers").prompts)
    assert swapped["answers"] == [["foil", "x"], ["correct", "right"]]
