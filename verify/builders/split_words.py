"""Words of several tokens among other words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from catalog.schema.prompts import SplitWords
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words

_LEAST_WORDS = 8
_MOST_PIECES = 5


def split_words(parameters: SplitWords, words: Words) -> PromptSet:
    """``[BOS] f word f f word f word f ... f first-piece``: split words between one-token fillers.

    Each prompt shows ``shown`` different words that the tokenizer splits into two to five pieces,
    the first of them one of three or more pieces; it comes again at the end, up to its first
    piece. One to three fillers stand between words. Words are written with a space before them,
    where the tokenizer knows one.

    Roles: queries ``continuing-piece`` (all pieces but the first of a word), ``first-piece`` (the
    first ones, without the prompt's last) and ``end``; keys ``earlier-pieces`` of the same word,
    for continuing pieces, and, for ``end``, the ``last-piece`` and the ``second-piece`` of the
    word's earlier occurrence. Each prompt is a cluster of its own. ``left_out`` counts listed words
    that are not split so.

    Raises:
        CannotBuild: if fewer than eight listed words are split, too few in three or more, or too
            few start otherwise than the word that is asked for.
    """
    random = np.random.default_rng(parameters.seed)
    listed = words.vocabularies[parameters.words].words or ()
    usable = pieces_of(words, listed)
    long = [one for one in usable if len(one) >= 3]
    fillers = sorted(words.tokens(words.vocabularies[parameters.fillers].words or ()).values())
    if len(usable) < max(_LEAST_WORDS, parameters.shown + 1) or len(long) < _LEAST_WORDS // 2:
        raise CannotBuild(
            f"the tokenizer splits {len(usable)} of {len(listed)} listed words, {len(long)} of"
            " them in three or more"
        )
    if len(fillers) < _LEAST_WORDS:
        raise CannotBuild(f"only {len(fillers)} fillers are one token")
    made = [
        _prompt(random, words, long, usable, fillers, parameters.shown, index)
        for index in range(parameters.count)
    ]
    return PromptSet({"original": tuple(made)}, left_out=len(listed) - len(usable))


def pieces_of(words: Words, listed: Sequence[str]) -> list[tuple[int, ...]]:
    """Token ids of those listed words that the tokenizer splits into two to five pieces."""
    return [
        one
        for one in (words.pieces(word) for word in listed)
        if 2 <= len(one) <= _MOST_PIECES and words.unknown not in one and max(one) < words.size
    ]


def _prompt(
    random: np.random.Generator,
    words: Words,
    long: list[tuple[int, ...]],
    usable: list[tuple[int, ...]],
    fillers: list[int],
    shown: int,
    index: int,
) -> Prompt:
    asked = long[int(random.integers(len(long)))]
    others = [one for one in usable if one[0] != asked[0]]
    if len(others) < shown - 1:
        raise CannotBuild(f"only {len(others)} split words start with another piece than one does")
    chosen = [asked, *(others[int(i)] for i in random.permutation(len(others))[: shown - 1])]
    order = random.permutation(len(chosen)).tolist()
    ids = list(words.start)
    spans: dict[int, tuple[int, int]] = {}
    for which in order:
        between = random.choice(fillers, size=int(random.integers(1, 4)), replace=False)
        ids.extend(int(token) for token in between)
        spans[which] = (len(ids), len(ids) + len(chosen[which]))
        ids.extend(chosen[which])
    ids.extend(int(token) for token in random.choice(fillers, size=2, replace=False))
    ids.append(asked[0])
    continuing = {
        position: tuple(range(start, position))
        for start, end in spans.values()
        for position in range(start + 1, end)
    }
    start, end = spans[0]
    return Prompt(
        ids=tuple(ids),
        queries={
            "end": (len(ids) - 1,),
            "continuing-piece": tuple(sorted(continuing)),
            "first-piece": tuple(sorted(first for first, _ in spans.values())),
        },
        places={"last-piece": (end - 1,), "second-piece": (start + 1,)},
        relations={"earlier-pieces": continuing},
        cluster=index,
    )
