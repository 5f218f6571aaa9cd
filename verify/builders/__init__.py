"""Builders: from parameters and a seed to prompts with roles. One module a builder.

Their parameters (and versions) are in ``catalog.schema.prompts``. Raise a builder's version there
whenever the same parameters would give other prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.schema.prompts import Builder
from verify.anatomy import Anatomy
from verify.builders.distant_repeats import distant_repeats
from verify.builders.head_triples import head_triples
from verify.builders.indirect_object import indirect_object
from verify.builders.n_grams import n_grams
from verify.builders.natural_text import natural_text
from verify.builders.random_tokens import random_tokens
from verify.builders.repeated_passage import repeated_passage
from verify.builders.repeated_random_tokens import repeated_random_tokens
from verify.builders.series import series
from verify.builders.split_words import split_words
from verify.builders.templates import templates
from verify.builders.two_texts import two_texts
from verify.prompts import PromptSet
from verify.words import Words

BUILDERS: dict[str, Callable[[Any, Words], PromptSet]] = {
    "distant-repeats": distant_repeats,
    "indirect-object": indirect_object,
    "n-grams": n_grams,
    "natural-text": natural_text,
    "random-tokens": random_tokens,
    "repeated-passage": repeated_passage,
    "repeated-random-tokens": repeated_random_tokens,
    "series": series,
    "split-words": split_words,
    "templates": templates,
    "two-texts": two_texts,
}
OF_HEADS: dict[str, Callable[[Any, Words, Anatomy], PromptSet]] = {"head-triples": head_triples}
"""Builders that give every head prompts of its own, made from its weights."""


def build(parameters: Builder, words: Words, anatomy: Anatomy | None = None) -> PromptSet:
    """Make the prompts that ``parameters`` describe.

    Args:
        parameters: the builder and what it is told.
        words: the tokenizer and the word lists.
        anatomy: the model that is to read them, for builders that look at its heads.

    Raises:
        CannotBuild: if the tokenizer or the word lists do not allow it.
        KeyError: for a builder without code (the schema marks these as not runnable).
    """
    if parameters.of_heads:
        assert anatomy is not None, "prompts of heads are made from a model"
        return OF_HEADS[parameters.kind](parameters, words, anatomy)
    return BUILDERS[parameters.kind](parameters, words)
