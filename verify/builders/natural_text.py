"""Passages of a text set, and the same tokens shuffled."""

from __future__ import annotations

import re

import numpy as np

from catalog.schema.prompts import NaturalText
from verify.builders.random_tokens import FIRST_QUERY
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def natural_text(parameters: NaturalText, words: Words) -> PromptSet:
    """``[BOS]`` and a stretch of text that starts at a sentence of a passage.

    Even seeds read the passages of even index, odd seeds the others, so that a confirmation on the
    next seed reads text of its own. Each sentence starts one stretch before any starts another; a
    stretch runs on into the next passage of its half where it must. Variants: ``original``,
    ``shuffled`` (the same tokens behind the same start token, in random order). Roles: ``all``,
    every position from 4 on; key ``delimiter``, every punctuation token but the first position.
    Stretches that start in one passage form a cluster.

    Raises:
        CannotBuild: if a half of the passages is too short.
    """
    random = np.random.default_rng(parameters.seed)
    passages = words.texts[parameters.text].passages[parameters.seed % 2 :: 2]
    wanted = parameters.length - len(words.start)
    if len(words.encode(" ".join(passages))) < wanted:
        raise CannotBuild(f"half of text set '{parameters.text}' has fewer than {wanted} tokens")
    starts = [
        (index, start) for index, passage in enumerate(passages) for start in _starts(passage)
    ]
    originals, shuffled = [], []
    order: list[int] = []
    for _ in range(parameters.count):
        if not order:
            order = random.permutation(len(starts)).tolist()
        chosen, start = starts[order.pop()]
        ids = _stretch(words, passages, chosen, start, wanted)
        originals.append(_prompt(words, ids, chosen))
        mixed = [ids[i] for i in random.permutation(len(ids))]
        shuffled.append(_prompt(words, mixed, chosen))
    return PromptSet(
        {"original": tuple(originals), "shuffled": tuple(shuffled)},
        unknown_share=words.unknown_share([prompt.ids for prompt in originals]),
    )


def _starts(passage: str) -> list[int]:
    """Where the sentences of a passage begin."""
    return [0, *(found.end() for found in re.finditer(r"\. ", passage))]


def _stretch(
    words: Words, passages: tuple[str, ...], chosen: int, start: int, wanted: int
) -> list[int]:
    text = passages[chosen][start:]
    ids = words.encode(f" {text}")
    following = chosen
    while len(ids) < wanted:
        following = (following + 1) % len(passages)
        text = f"{text} {passages[following]}"
        ids = words.encode(f" {text}")
    return ids[:wanted]


def _prompt(words: Words, ids: list[int], cluster: int) -> Prompt:
    whole = (*words.start, *ids)
    return Prompt(
        ids=whole,
        queries={"all": tuple(range(FIRST_QUERY, len(whole)))},
        places={
            "delimiter": tuple(i for i in range(1, len(whole)) if words.is_delimiter(whole[i]))
        },
        cluster=cluster,
    )
