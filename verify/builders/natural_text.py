"""Passages of a text set, and the same tokens shuffled."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Mapping

import numpy as np

from catalog.schema.prompts import NaturalText
from verify.builders.random_tokens import FIRST_QUERY
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words

_NEAR = 4
_BEFORE = 8
_RANKED = 6
"""A query with fewer different tokens before it has no rarest ones."""


def natural_text(parameters: NaturalText, words: Words) -> PromptSet:
    """``[BOS]`` and a stretch of text that starts at a sentence of a passage.

    Even seeds read the passages of even index, odd seeds the others, so that a confirmation on the
    next seed reads text of its own. Each sentence starts one stretch before any starts another; a
    stretch runs on into the next passage of its half where it must. Variants: ``original``,
    ``shuffled`` (the same tokens behind the same start token, in random order).

    Query roles: ``all``, every position from 4 on; ``second-half`` of the prompt;
    ``early-in-sentence``, the third to fifth token of a sentence that is not the prompt's first;
    ``late-in-sentence``, the ninth token on of such a sentence. Key roles: ``delimiter``, every
    punctuation token but the first position; ``rarest``, of what stands before the query and is no
    punctuation, all copies of the two tokens that are least frequent in the whole text set, and
    ``middling``, of the two in the middle of that ranking; ``own-sentence``, what stands between
    the end of the sentence before and the query, and of that ``far-in-own-sentence`` what lies
    more than four back; ``before-sentence``, the eight tokens up to the end of the sentence
    before. Stretches that start in one passage form a cluster.

    Raises:
        CannotBuild: if a half of the passages is too short.
    """
    return words.once(parameters.model_dump_json(), lambda: _made(parameters, words))


def _made(parameters: NaturalText, words: Words) -> PromptSet:
    random = np.random.default_rng(parameters.seed)
    passages = words.texts[parameters.text].passages[parameters.seed % 2 :: 2]
    wanted = parameters.length - len(words.start)
    if len(words.encode(" ".join(passages))) < wanted:
        raise CannotBuild(f"half of text set '{parameters.text}' has fewer than {wanted} tokens")
    starts = [
        (index, start) for index, passage in enumerate(passages) for start in _starts(passage)
    ]
    counts = words.counts(parameters.text)
    originals, shuffled = [], []
    order: list[int] = []
    for _ in range(parameters.count):
        if not order:
            order = random.permutation(len(starts)).tolist()
        chosen, start = starts[order.pop()]
        ids = _stretch(words, passages, chosen, start, wanted)
        originals.append(_prompt(words, ids, chosen, counts))
        mixed = [ids[i] for i in random.permutation(len(ids))]
        shuffled.append(_prompt(words, mixed, chosen, counts))
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
    ids = words.encode(f"{words.gap}{text}")
    following = chosen
    while len(ids) < wanted:
        following = (following + 1) % len(passages)
        text = f"{text} {passages[following]}"
        ids = words.encode(f"{words.gap}{text}")
    return ids[:wanted]


def _prompt(words: Words, ids: list[int], cluster: int, counts: Mapping[int, int]) -> Prompt:
    whole = (*words.start, *ids)
    positions = range(FIRST_QUERY, len(whole))
    delimiters = tuple(i for i in range(1, len(whole)) if words.is_delimiter(whole[i]))
    starts = _sentence_starts(words, whole)
    depth = {
        query: query - start
        for query, start in enumerate(starts)
        if start is not None and query in positions
    }
    rarest, middling = _by_rarity(whole, delimiters, counts, len(words.start))
    return Prompt(
        ids=whole,
        queries={
            "all": tuple(positions),
            "second-half": tuple(range(len(whole) // 2, len(whole))),
            "early-in-sentence": tuple(q for q, deep in depth.items() if 2 <= deep < 5),
            "late-in-sentence": tuple(q for q, deep in depth.items() if deep >= 8),
        },
        places={"delimiter": delimiters},
        relations={
            "rarest": rarest,
            "middling": middling,
            "own-sentence": {q: tuple(range(q - deep, q + 1)) for q, deep in depth.items()},
            "far-in-own-sentence": {
                q: tuple(range(q - deep, q - _NEAR)) for q, deep in depth.items()
            },
            "before-sentence": {
                q: tuple(range(max(1, q - deep - _BEFORE), q - deep)) for q, deep in depth.items()
            },
        },
        cluster=cluster,
    )


def _sentence_starts(words: Words, ids: tuple[int, ...]) -> list[int | None]:
    """For each position where its sentence starts; None in the prompt's first sentence."""
    starts: list[int | None] = []
    start: int | None = None
    for position, token in enumerate(ids):
        starts.append(start)
        if words.ends_sentence(token):
            start = position + 1
    return starts


def _by_rarity(
    ids: tuple[int, ...], delimiters: tuple[int, ...], counts: Mapping[int, int], first: int
) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """Positions before each query of its two rarest, and of its two middling, tokens."""
    rarest: dict[int, tuple[int, ...]] = {}
    middling: dict[int, tuple[int, ...]] = {}
    at: dict[int, list[int]] = {}
    # by count; ties go to the token that came first
    ranked: list[tuple[int, int, int]] = []
    for query, token in enumerate(ids):
        if query >= FIRST_QUERY and len(ranked) >= _RANKED:
            middle = len(ranked) // 2
            for role, chosen in ((rarest, ranked[:2]), (middling, ranked[middle : middle + 2])):
                role[query] = tuple(sorted(i for _, _, one in chosen for i in at[one]))
        if query >= first and query not in delimiters:
            if token not in at:
                insort(ranked, (counts[token], query, token))
            at.setdefault(token, []).append(query)
    return rarest, middling
