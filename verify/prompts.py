"""What a builder makes: prompts with marked positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


class CannotBuild(Exception):
    """The prompts cannot be made for this model; the recipe is not applicable. Says why."""


@dataclass(frozen=True)
class Prompt:
    """Token ids with roles.

    Positions count from 0 in ``ids``. ``queries`` names positions; ``places`` names key positions
    that are the same for every query; ``relations`` gives the key positions of each query.
    """

    ids: tuple[int, ...]
    queries: Mapping[str, tuple[int, ...]]
    places: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    relations: Mapping[str, Mapping[int, tuple[int, ...]]] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    """Token id of each answer, read at ``end``."""
    candidates: tuple[int, ...] | None = None
    """Token ids of what might be answered, where prompts are sorted by the model's answer; at least
    two. None where any token might."""
    cluster: int = 0
    """Template (or other cluster) that the prompt was made from."""
    head: int | None = None
    """The one head that the prompt is for, counted layer by layer; None if it is for all."""


@dataclass(frozen=True)
class Answers:
    """How many of the prompts that were drawn the model answers correctly, and how many wrongly."""

    drawn: int
    correct: int
    wrong: int


@dataclass(frozen=True)
class PromptSet:
    """All prompts of a recipe: aligned variants, and how they came out."""

    variants: Mapping[str, tuple[Prompt, ...]]
    """The first is the one that the recipe scores."""
    single_token_share: float = 1.0
    unknown_share: float = 0.0
    left_out: int = 0
    unaligned: frozenset[str] = frozenset()
    """Variants whose prompts are others than those that are scored: not paired with them."""
    answers: Answers | None = None
    """Of the draw that these prompts were kept from, if the model's answers decided."""

    @property
    def main(self) -> tuple[Prompt, ...]:
        """The variant that the recipe scores."""
        return next(iter(self.variants.values()))

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt."""
        return max(len(p.ids) for prompts in self.variants.values() for p in prompts)

    @property
    def tokens(self) -> int:
        """Tokens of all prompts of all variants."""
        return sum(len(p.ids) for prompts in self.variants.values() for p in prompts)


@dataclass(frozen=True)
class Pairs:
    """Which attention entries of one prompt make a score: sum of weight x A[query, key]."""

    query: NDArray[np.int64]
    key: NDArray[np.int64]
    weight: NDArray[np.float64]


def key_positions(
    prompt: Prompt, role: str, query: int, offsets: Sequence[int] = ()
) -> tuple[list[int], float]:
    """Key positions of a role for one query, and the weight of each.

    ``same-offset`` looks as far back as ``offsets`` say (the distances at which the measure's own
    key role lies in this prompt). ``uniform`` gives every visible key 1/(query+1). ``evenly``
    depends on another role: see :func:`evenly`.
    """
    if role in prompt.relations:
        keys = list(prompt.relations[role].get(query, ()))
        weight = 1.0
    elif role in prompt.places:
        keys, weight = list(prompt.places[role]), 1.0
    elif role == "uniform":
        keys, weight = list(range(query + 1)), 1.0 / (query + 1)
    elif role == "same-offset":
        keys, weight = [query - offset for offset in offsets], 1.0
    else:
        keys = [{"previous": query - 1, "two-before": query - 2, "self": query, "first": 0}[role]]
        weight = 1.0
    return [key for key in keys if 0 <= key <= query], weight


def evenly(prompt: Prompt, query_role: str, key_role: str) -> Pairs | None:
    """What evenly spread attention gives to a key role: every key with weight |K| / (query+1).

    K are the key positions of ``key_role`` for a query; queries without any are left out, as they
    are from the score. A row of attention sums to 1, so this is |K| / (query+1) whatever the head.
    """
    counted = [
        (query, len(key_positions(prompt, key_role, query)[0]))
        for query in prompt.queries[query_role]
    ]
    queries = np.array([query for query, count in counted if count], dtype=np.int64)
    if not len(queries):
        return None
    shares = np.array([count for _, count in counted if count]) / (queries + 1)
    return Pairs(
        np.repeat(queries, queries + 1),
        np.concatenate([np.arange(query + 1) for query in queries]),
        np.repeat(shares, queries + 1) / len(queries),
    )


def offsets_of(prompt: Prompt, query_role: str, key_role: str) -> tuple[int, ...]:
    """The distances, nearest first, at which a key role lies from a query role."""
    found = {
        query - key
        for query in prompt.queries[query_role]
        for key in key_positions(prompt, key_role, query)[0]
    }
    return tuple(sorted(found))


def pairs(
    prompt: Prompt, query_role: str, key_role: str, offsets: Sequence[int] = ()
) -> Pairs | None:
    """The attention entries that a (query role, key role) pair reads in one prompt.

    Sum over the keys of a query, mean over the queries that have a key; None if none has.
    """
    found = [
        (query, *key_positions(prompt, key_role, query, offsets))
        for query in prompt.queries[query_role]
    ]
    found = [(query, keys, weight) for query, keys, weight in found if keys]
    if not found:
        return None
    counts = [len(keys) for _, keys, _ in found]
    return Pairs(
        np.repeat(np.array([query for query, _, _ in found], dtype=np.int64), counts),
        np.array([key for _, keys, _ in found for key in keys], dtype=np.int64),
        np.repeat(np.array([weight for _, _, weight in found]), counts) / len(found),
    )
