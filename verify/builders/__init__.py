"""Builders: from parameters and a seed to prompts with roles. One module a builder.

Their parameters (and versions) are in ``catalog.schema.prompts``. Raise a builder's version there
whenever the same parameters would give other prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from catalog.schema.prompts import Builder
from verify.builders.indirect_object import indirect_object
from verify.builders.natural_text import natural_text
from verify.builders.random_tokens import random_tokens
from verify.builders.repeated_random_tokens import repeated_random_tokens
from verify.builders.series import series
from verify.prompts import PromptSet
from verify.words import Words

BUILDERS: dict[str, Callable[[Any, Words], PromptSet]] = {
    "indirect-object": indirect_object,
    "natural-text": natural_text,
    "random-tokens": random_tokens,
    "repeated-random-tokens": repeated_random_tokens,
    "series": series,
}


def build(parameters: Builder, words: Words) -> PromptSet:
    """Make the prompts that ``parameters`` describe.

    Raises:
        CannotBuild: if the tokenizer or the word lists do not allow it.
        KeyError: for a builder without code (the schema marks these as not runnable).
    """
    return BUILDERS[parameters.kind](parameters, words)
