"""The repository's own catalog, loaded once, and shorthands for tests of the verifier."""

from __future__ import annotations

from functools import cache

from catalog.loading import Catalog, load
from catalog.schema.base import Strength
from catalog.schema.evidence import Evidence
from catalog.schema.recipe import Recipe
from tests.planted.words import tokenizer
from verify.loading import LoadedModel
from verify.planning import Job
from verify.running import run
from verify.words import Words


@cache
def catalog() -> Catalog:
    return load()


@cache
def words() -> Words:
    """The planted models' tokenizer, which knows every word of the lists and texts."""
    made = tokenizer()
    return Words(made, catalog().vocabularies, catalog().texts, len(made))


def recipe(head_type: str, name: str) -> Recipe:
    return catalog().head_types[head_type].recipe(name)


def needed(loaded: LoadedModel) -> Evidence:
    """What four blocks lose without each head: the recipe on all of them takes many seconds."""
    made = recipe("induction", "needed")
    few = made.model_copy(update={"prompts": made.prompts.model_copy(update={"count": 4})})
    (record,) = run(loaded, catalog(), [Job("induction", few)])
    return record


OBSERVED = (Strength.PATTERN, Strength.WEIGHTS, Strength.DIRECT_EFFECT)
"""Evidence for which the model is read as it is; without each head takes many times as long."""
