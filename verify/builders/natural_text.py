"""Passages of a text set, and the same tokens shuffled."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import NaturalText
from verify.builders.random_tokens import FIRST_QUERY
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def natural_text(parameters: NaturalText, words: Words) -> PromptSet:
    """``[BOS]`` and a stretch of text that starts at a random sentence of a random passage.

    A stretch runs on into the next passage where it must. Variants: ``original``, ``shuffled``
    (the same tokens behind the same start token, in random order). Roles: ``all``, every position
    from 4 on; key ``delimiter``, every punctuation token but the first position. Stretches of one
    passage form a cluster.

    Raises:
        CannotBuild: if all passages together are too short.
    """
    random = np.random.default_rng(parameters.seed)
    passages = words.texts[parameters.text].passages
    wanted = parameters.length - len(words.start)
    if len(words.encode(" ".join(passages))) < wanted:
        raise CannotBuild(f"text set '{parameters.text}' has fewer than {wanted} tokens")
    originals, shuffled = [], []
    order: list[int] = []
    for _ in range(parameters.count):
        if not order:
            order = random.permutation(len(passages)).tolist()
        chosen = order.pop()
        ids = _stretch(words, passages, chosen, wanted, random)
        originals.append(_prompt(words, ids, chosen))
        mixed = [ids[i] for i in random.permutation(len(ids))]
        shuffled.append(_prompt(words, mixed, chosen))
    return PromptSet(
        {"original": tuple(originals), "shuffled": tuple(shuffled)},
        unknown_share=words.unknown_share([prompt.ids for prompt in originals]),
    )


def _stretch(
    words: Words,
    passages: tuple[str, ...],
    chosen: int,
    wanted: int,
    random: np.random.Generator,
) -> list[int]:
    text = passages[chosen]
    starts = [0, *(i + 2 for i in range(len(text) // 2) if text.startswith(". ", i))]
    text = text[starts[int(random.integers(len(starts)))] :]
    ids = words.encode(f" {text}")
    following = chosen
    while len(ids) < wanted:
        following = (following + 1) % len(passages)
        ids = words.encode(f" {text} {passages[following]}")
        text = f"{text} {passages[following]}"
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
