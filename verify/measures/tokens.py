"""The tokens that weights-only measures read."""

from __future__ import annotations

from dataclasses import dataclass

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
    """Tokens with the list each came from."""

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
