"""The tokens that weights-only measures read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from catalog.schema.prompts import Tokens
from verify.prompts import CannotBuild
from verify.words import Words


@dataclass(frozen=True)
class TokenSeries:
    """The one-token words of a series, and which of them follow each other."""

    members: tuple[int, ...]
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class TokenUnits:
    """Tokens with the list each came from.

    With ``initials``, ``series`` holds one whose members are the letters and whose pairs are the
    first token of each word with its letter.
    """

    ids: tuple[int, ...]
    clusters: tuple[int, ...]
    series: tuple[TokenSeries, ...]
    pairs: tuple[tuple[int, int], ...]
    """Both tokens of each pair, from lists of pairs; ``ids`` are then the first of each."""
    single_token_share: float
    left_out: int
    drawn: bool
    """Whether another seed gives other tokens."""


def token_units(parameters: Tokens, words: Words) -> TokenUnits:
    """A random sample of the vocabulary, or the one-token words (or pairs) of word lists.

    Sampled tokens are independent units; words of one list form a cluster.

    Raises:
        CannotBuild: if fewer than ten tokens are left.
    """
    wanted = parameters.tokens
    if wanted.sample is not None:
        random = np.random.default_rng(parameters.seed)
        size = min(wanted.sample, len(words.ordinary))
        ids = tuple(int(i) for i in random.choice(words.ordinary, size=size, replace=False))
        drawn = size < len(words.ordinary)
        return TokenUnits(ids, tuple(range(len(ids))), (), (), 1.0, 0, drawn)
    if wanted.initials is not None:
        return _initials(wanted.vocabulary or (), wanted.initials, words)
    listed, ids_by_list, series = 0, [], []
    pairs: list[tuple[int, int]] = []
    for name in wanted.vocabulary or ():
        vocabulary = words.vocabularies[name]
        if vocabulary.pairs is not None:
            both = [(words.token(a), words.token(b)) for a, b in vocabulary.pairs]
            whole = [(a, b) for a, b in both if a is not None and b is not None and a != b]
            listed += len(both)
            ids_by_list.append(tuple(a for a, _ in whole))
            pairs.extend(whole)
            continue
        tokens = words.tokens(vocabulary.words or ())
        listed += len(vocabulary.words or ())
        ids_by_list.append(tuple(tokens.values()))
        if vocabulary.kind == "series":
            following = {word: vocabulary.successor(word) for word in tokens}
            series.append(
                TokenSeries(
                    tuple(tokens.values()),
                    tuple((tokens[a], tokens[b]) for a, b in following.items() if b in tokens),
                )
            )
    ids = tuple(token for group in ids_by_list for token in group)
    if len(ids) < 10:
        raise CannotBuild(f"only {len(ids)} of {listed} listed words are one token")
    one_list = len(ids_by_list) == 1
    clusters = tuple(
        position if one_list else number
        for number, group in enumerate(ids_by_list)
        for position, _ in enumerate(group)
    )
    return TokenUnits(
        ids, clusters, tuple(series), tuple(pairs), len(ids) / listed, listed - len(ids), False
    )


def _initials(lists: Sequence[str], letters: str, words: Words) -> TokenUnits:
    """The first token of each word, where it has a known one, with its initial as a letter.

    Letters are tokens without a space before them, as they stand in an acronym. Words that start
    with the same token count once. Neighbours start with different letters, so that a target that
    is moved on by one is another.

    Raises:
        CannotBuild: if fewer than ten words, or two letters, are left.
    """
    written = {letter: words.joined(letter) for letter in words.vocabularies[letters].words or ()}
    named = [word for name in lists for word in words.vocabularies[name].words or ()]
    by_letter: dict[str, dict[int, int]] = {}
    for word in named:
        first, letter = words.first_piece(word), written.get(word[0])
        if first is not None and letter is not None and first != letter:
            by_letter.setdefault(word[0], {}).setdefault(first, letter)
    known = [word for word in named if word[0] in by_letter and words.first_piece(word) is not None]
    rounds = zip_longest(*(found.items() for found in by_letter.values()))
    pairs = tuple(pair for one in rounds for pair in one if pair is not None)
    if len(pairs) < 10 or len(by_letter) < 2:
        raise CannotBuild(f"only {len(pairs)} words and {len(by_letter)} letters are known")
    members = tuple(dict.fromkeys(token for token in written.values() if token is not None))
    return TokenUnits(
        ids=tuple(first for first, _ in pairs),
        clusters=tuple(range(len(pairs))),
        series=(TokenSeries(members, pairs),),
        pairs=(),
        single_token_share=len(known) / len(named),
        left_out=len(named) - len(pairs),
        drawn=False,
    )
