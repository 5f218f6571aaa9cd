"""Random tokens: nothing to follow but position."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import RandomTokens
from verify.prompts import Prompt, PromptSet
from verify.words import Words

FIRST_QUERY = 4
"""Queries start here, so that previous, two-before and first are different positions."""


def random_tokens(parameters: RandomTokens, words: Words) -> PromptSet:
    """``[BOS] r r r ...``: tokens drawn independently from the whole vocabulary.

    Roles: ``all``, every position from :data:`FIRST_QUERY` on.
    """
    random = np.random.default_rng(parameters.seed)
    drawn = random.choice(
        words.ordinary, size=(parameters.count, parameters.length - len(words.start))
    )
    queries = {"all": tuple(range(FIRST_QUERY, parameters.length))}
    prompts = tuple(
        Prompt(ids=(*words.start, *map(int, row)), queries=queries, cluster=index)
        for index, row in enumerate(drawn)
    )
    return PromptSet({"original": prompts})
