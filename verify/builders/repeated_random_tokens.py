"""A block of random tokens that comes again after a gap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.schema.prompts import RepeatedRandomTokens
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words


def repeated_random_tokens(parameters: RepeatedRandomTokens, words: Words) -> PromptSet:
    """``[BOS] lead | block | gap | block``, all tokens distinct but for the repeat.

    With period P and gap G the second copy of a token lies P + G after the first. The lead is
    P + G tokens long, so that first-copy queries have keys at the distance of the repeat. A random
    gap is drawn from 0 to a quarter of the period.

    Roles: ``repeat`` (second copy, without its first token: nothing says yet that a repeat has
    begun) and ``unrepeated`` (the same places in the first copy); for ``repeat`` queries the key
    ``previous-copy`` is the same token in the first block and ``after-previous-copy`` the token
    that followed it. ``forward-lags`` are the second to fourth tokens after the earlier copy and
    ``backward-lags`` the second to fourth before it, for queries whose copy has all six in the
    block. Each prompt is a cluster of its own: its tokens are drawn independently.

    Raises:
        CannotBuild: if there are not enough distinct tokens for the longest period.
    """
    random = np.random.default_rng(parameters.seed)
    pool = _pool(parameters, words)
    longest = max(parameters.periods)
    widest = longest // 4 if parameters.gap == "random" else parameters.gap
    needed = 2 * longest + 2 * widest
    # the lead may hold tokens of the gap's kind only once: block, lead and gap are all distinct,
    # unless the pool is small (a word list); then lead and gap are drawn with repetition
    distinct = len(pool) >= needed
    if len(pool) < longest + 8:
        raise CannotBuild(f"{len(pool)} usable tokens are too few for a period of {longest}")
    made = []
    for index in range(parameters.count):
        period = parameters.periods[index % len(parameters.periods)]
        gap = int(random.integers(0, period // 4 + 1)) if parameters.gap == "random" else widest
        block, lead, between = _draw(random, pool, period, gap, distinct)
        made.append(_prompt(words, block, lead, between, index))
    listed = words.vocabularies[parameters.pool].words or () if parameters.pool else ()
    return PromptSet(
        {"original": tuple(made)},
        single_token_share=len(pool) / len(listed) if listed else 1.0,
    )


def _pool(parameters: RepeatedRandomTokens, words: Words) -> NDArray[np.int64]:
    if parameters.pool is None:
        return words.ordinary
    listed = words.vocabularies[parameters.pool].words or ()
    return np.array(sorted(set(words.tokens(listed).values())), dtype=np.int64)


def _draw(
    random: np.random.Generator, pool: NDArray[np.int64], period: int, gap: int, distinct: bool
) -> tuple[list[int], list[int], list[int]]:
    shuffled = random.permutation(pool)
    block, rest = shuffled[:period], shuffled[period:]
    others = rest[: period + 2 * gap] if distinct else random.choice(rest, size=period + 2 * gap)
    lead, between = others[: period + gap], others[period + gap :]
    return block.tolist(), lead.tolist(), between.tolist()


def _prompt(
    words: Words, block: list[int], lead: list[int], between: list[int], index: int
) -> Prompt:
    period, distance = len(block), len(block) + len(between)
    first = len(words.start) + len(lead)
    second = first + distance
    repeat = tuple(range(second + 1, second + period))
    return Prompt(
        ids=(*words.start, *lead, *block, *between, *block),
        queries={
            "repeat": repeat,
            "unrepeated": tuple(range(first + 1, first + period)),
        },
        relations={
            "previous-copy": {query: (query - distance,) for query in repeat},
            "after-previous-copy": {query: (query - distance + 1,) for query in repeat},
            "forward-lags": _lags(repeat, distance, first, period, (2, 3, 4)),
            "backward-lags": _lags(repeat, distance, first, period, (-4, -3, -2)),
        },
        cluster=index,
    )


def _lags(
    queries: tuple[int, ...], distance: int, first: int, period: int, lags: tuple[int, ...]
) -> dict[int, tuple[int, ...]]:
    """Positions around each query's earlier copy; none where a lag of four leaves the block."""
    widest = 4
    return {
        query: tuple(query - distance + lag for lag in lags)
        for query in queries
        if first + widest <= query - distance < first + period - widest
    }
