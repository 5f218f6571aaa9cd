"""Hashes of what a recipe computes, and whether a record still stands for the recipe of today."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from catalog.schema.builder import Builder
from catalog.schema.evidence import Evidence
from catalog.schema.head_type import HeadType
from catalog.schema.recipe import Recipe
from catalog.schema.vocabulary import TextSet, Vocabulary

STATISTICS_VERSION = 2
"""Raised whenever the same scores would give other intervals, q-values or verdicts."""

ENGINE_VERSION = 1
"""Of all that is between a recipe and its scores and has no version of its own.

How a model is read (capture, attention, listening, probing, norms, anatomy), what tokens make of
words, roles and relations of positions, sorting by answers. Raise it in the commit after which the
same recipe gives other numbers, or another verdict, on any model that could be run before, beyond
what rounding does (1e-5 of attention); raise the version of a builder, a measure, a control or the
statistics instead where one of these is all that changed. All records are stale then, those of the
shipped models too: make them again in the same commit. Records hold it from 2 on; none means 1.
"""


def sha256_of(value: Any) -> str:
    """Hash of JSON data, independent of layout and of the order of keys.

    Where that order means something, the caller gives pairs: see :func:`prompts_content`.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def prompts_content(prompts: Builder) -> dict[str, Any]:
    """Parameters as JSON data that sorting of keys does not make ambiguous.

    A mapping whose order means something (``Builder.ordered``) becomes a list of pairs, unless its
    keys stand in sorted order anyway: one order of each mapping then keeps the form, and with it
    the hash, that it had before order was looked at.
    """
    content = prompts.model_dump(mode="json")
    for name in prompts.ordered:
        if list(content[name]) != sorted(content[name]):
            content[name] = [[key, value] for key, value in content[name].items()]
    return content


def recipe_sha256(
    recipe: Recipe, vocabularies: Mapping[str, Vocabulary], texts: Mapping[str, TextSet]
) -> str:
    """Over what the recipe computes, not what is written about it.

    Prompts, measure, control, criterion and gate; the word lists and texts that the prompts are
    made from; the versions of builder, measure, control and statistics.
    """
    content = recipe.model_dump(mode="json", include={"measure", "control", "criterion", "gate"})
    content["prompts"] = prompts_content(recipe.prompts)
    content["vocabularies"] = {
        name: vocabularies[name].model_dump(mode="json", exclude={"description"})
        for name in recipe.prompts.vocabularies()
    }
    content["texts"] = {name: texts[name].passages for name in recipe.prompts.text_sets()}
    content["versions"] = {
        "builder": recipe.prompts.version,
        "measure": recipe.measure.version,
        "control": recipe.control.version if recipe.control else None,
        "statistics": STATISTICS_VERSION,
    }
    return sha256_of(content)


def is_stale(
    record: Evidence,
    entry: HeadType,
    vocabularies: Mapping[str, Vocabulary],
    texts: Mapping[str, TextSet],
) -> bool:
    """Whether recipe and engine that the record was made by are not those of today.

    That the model has changed too can only be told by who loads it: see ``headbook verify``.
    """
    try:
        recipe = entry.recipe(record.recipe)
    except KeyError:
        return True
    today = recipe_sha256(recipe, vocabularies, texts)
    return (record.run.recipe_sha256, record.run.engine) != (today, ENGINE_VERSION)
