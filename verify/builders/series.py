"""Runs of an ordered series: "Monday Tuesday Wednesday"."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import Series
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def series(parameters: Series, words: Words) -> PromptSet:
    """``[BOS] w_i w_i+1 ... w_i+n-1`` from a random start; the answer is w_i+n.

    Only runs whose words and answer are one token each are made; a series that wraps is run past
    its end. Roles: query ``end``, key ``current`` (the last word). Answers: ``successor``,
    ``current``. Series are the clusters.

    Raises:
        CannotBuild: if no series has a run of one-token words that is long enough.
    """
    random = np.random.default_rng(parameters.seed)
    runs: list[tuple[int, list[int]]] = []
    listed = single = 0
    for cluster, name in enumerate(parameters.series):
        vocabulary = words.vocabularies[name]
        tokens = [words.token(word) for word in vocabulary.words or ()]
        listed += len(tokens)
        single += sum(token is not None for token in tokens)
        length = len(tokens)
        last = length if vocabulary.wraps else length - parameters.shown
        if parameters.shown >= length:
            continue
        for start in range(max(last, 0)):
            window = [tokens[(start + step) % length] for step in range(parameters.shown + 1)]
            whole = [token for token in window if token is not None]
            if len(whole) == len(window):
                runs.append((cluster, whole))
    if not runs:
        raise CannotBuild(f"no run of {parameters.shown + 1} one-token words in any series")
    made = []
    for index in random.choice(len(runs), size=parameters.count):
        cluster, run = runs[int(index)]
        ids = (*words.start, *run[:-1])
        end = len(ids) - 1
        made.append(
            Prompt(
                ids=ids,
                queries={"end": (end,)},
                places={"current": (end,)},
                answers={"successor": run[-1], "current": run[-2]},
                cluster=cluster,
            )
        )
    return PromptSet({"original": tuple(made)}, single_token_share=single / max(listed, 1))
