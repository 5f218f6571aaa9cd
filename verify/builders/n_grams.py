"""Two contexts that share their last token, of which one shares the token before too."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import NGrams
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def n_grams(parameters: NGrams, words: Words) -> PromptSet:
    """``[BOS] f.. x a b f.. y a c f.. x a``, with b and c, x and y different random tokens.

    In every other prompt the context ``y a c`` comes first, so that neither the nearer nor the
    farther match is the longer one. Query role ``end`` (the last a); key roles
    ``after-longer-match`` (b) and ``after-shorter-match`` (c). All other tokens are distinct
    fillers. Each prompt is a cluster of its own.

    Raises:
        CannotBuild: if the vocabulary is too small for distinct tokens.
    """
    random = np.random.default_rng(parameters.seed)
    most = 3 * parameters.gap + 5
    if len(words.ordinary) < most:
        raise CannotBuild(f"{len(words.ordinary)} usable tokens are too few for {most}")
    made = []
    for index in range(parameters.count):
        sizes = random.integers(2, parameters.gap + 1, size=3).tolist()
        drawn = random.choice(words.ordinary, size=5 + sum(sizes), replace=False).tolist()
        (x, y, a, b, c), rest = drawn[:5], drawn[5:]
        fillers = [[rest.pop() for _ in range(size)] for size in sizes]
        contexts = [[x, a, b], [y, a, c]]
        if index % 2:
            contexts.reverse()
        ids = (
            *words.start,
            *fillers[0],
            *contexts[0],
            *fillers[1],
            *contexts[1],
            *fillers[2],
            x,
            a,
        )
        end = len(ids) - 1
        made.append(
            Prompt(
                ids=ids,
                queries={"end": (end,)},
                places={
                    "after-longer-match": (ids.index(b),),
                    "after-shorter-match": (ids.index(c),),
                },
                cluster=index,
            )
        )
    return PromptSet({"original": tuple(made)})
