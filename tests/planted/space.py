"""The language in which planted heads are written: named coordinates, heads, layers.

A planted model is written once, for both families, in **logical coordinates**: blocks of the
residual stream with names (``token``, ``previous``, ``out``) and one more coordinate that is always
1. :mod:`tests.planted.build` turns that into GPT-2 or Llama weights and keeps the norms out of the
way; only positions differ here, because GPT-2 adds a position to the stream and Llama rotates
queries and keys.

A head has three **channels**, which are sets of its dimensions: ``POSITION`` (where is the key?),
``CODE`` (which token is the key?) and ``FLAGS`` (what kind of token is the key?). The score of a
query for a key is the sum over the three. In Llama ``POSITION`` takes the fastest frequency pairs
of RoPE and the others take the slowest, which hardly turn within 512 positions at base 1e10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from tests.planted.words import CODE_SIZE, CONTEXT, Array

Family = Literal["gpt2", "llama"]
FAMILIES: tuple[Family, ...] = ("gpt2", "llama")

HEAD_SIZE = 64
ROPE_BASE = 1e10
SHARP = 120.0
"""Inverse temperature of content matches: the closest wrong token scores .5 of a match."""
AT_OFFSET = 100.0
"""Inverse temperature of position matches: the closest wrong offset scores .81 of a match."""
_PAIRS = 8
"""RoPE pairs of the position channel: with base 1e10 their angles run from 1 to .0065."""
_PAIR_WEIGHT = 0.6 ** np.arange(_PAIRS) / np.sum(0.6 ** np.arange(_PAIRS))
"""Weight of each pair, falling with its speed: at any other offset (within 512) the sum of cosines
stays .17 below its maximum, which a large factor makes sharp."""
_DISTANCE_PAIR = 6
"""Its angle, .0133 a position, grows up to distance 118: sin(distance) orders keys by distance."""
_FREQUENCIES = 7
_POSITION_SIZE = 2 * _FREQUENCIES + 1


@lru_cache
def _position_frequencies() -> Array:
    """Seven angles whose mean cosine is far from 1 at every other offset up to the context."""
    rng = np.random.default_rng(0)
    offsets = np.arange(1, CONTEXT)[:, None]
    drawn = [np.sort(rng.uniform(0.1, np.pi, _FREQUENCIES)) for _ in range(300)]
    return min(drawn, key=lambda angles: np.cos(offsets * angles).mean(axis=1).max())


def position_code() -> Array:
    """GPT-2's position block, (CONTEXT, 15): cosines, sines (norm 1 together) and a ramp 0..1."""
    angles = np.arange(CONTEXT)[:, None] * _position_frequencies()
    waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1) / np.sqrt(_FREQUENCIES)
    return np.concatenate([waves, np.arange(CONTEXT)[:, None] / CONTEXT], axis=1)


@dataclass(frozen=True)
class Head:
    """A query head: ``query`` (n + 1, HEAD_SIZE), ``output`` (HEAD_SIZE, n)."""

    query: Array
    output: Array


@dataclass(frozen=True)
class Group:
    """Query heads with the same ``key`` and ``value``, both (n + 1, HEAD_SIZE).

    Llama shares them (grouped-query attention); in GPT-2 every head has a copy.
    """

    key: Array
    value: Array
    heads: tuple[Head, Head]


@dataclass(frozen=True)
class FirstMLP:
    """A linear map of the stream, added by the first layer's MLP: read, then write.

    ``read`` (n + 1, r), ``write`` (r, n).
    """

    read: Array
    write: Array


class Space:
    """The logical coordinates of one planted model: named blocks, then the constant 1.

    In GPT-2 a block ``position`` is added. All matrices act on row vectors, ``stream @ matrix``.
    """

    def __init__(self, family: Family, **sizes: int) -> None:
        self.family = family
        if family == "gpt2":
            sizes = {**sizes, "position": _POSITION_SIZE}
        self.blocks: dict[str, slice] = {}
        self.size = 0
        for name, size in sizes.items():
            self.blocks[name] = slice(self.size, self.size + size)
            self.size += size
        dims = np.arange(HEAD_SIZE)
        half = HEAD_SIZE // 2
        if family == "gpt2":
            self.position, self.code, self.flags = dims[:16], dims[16:60], dims[60:]
        else:  # dimensions i and i + 32 turn together
            self.position = np.concatenate([dims[:_PAIRS], dims[half : half + _PAIRS]])
            self.code = np.concatenate([dims[_PAIRS:30], dims[half + _PAIRS : half + 30]])
            self.flags = np.concatenate([dims[30:half], dims[half + 30 :]])

    def width(self, block: str) -> int:
        """Number of coordinates of a block."""
        return int(self.blocks[block].stop - self.blocks[block].start)

    def nothing(self) -> Array:
        """A query, key or value of zero."""
        return np.zeros((self.size + 1, HEAD_SIZE))

    def silence(self) -> Array:
        """An output of zero."""
        return np.zeros((HEAD_SIZE, self.size))

    def read(self, block: str, scale: float = 1.0, through: Array | None = None) -> Array:
        """Bring a block (times ``through``) into the CODE channel."""
        matrix = self.nothing()
        content = np.eye(self.width(block)) if through is None else through
        matrix[self.blocks[block], self.code[: content.shape[1]]] = scale * content
        return matrix

    def write(self, block: str, scale: float = 1.0, through: Array | None = None) -> Array:
        """Write the CODE channel (times ``through``), or what a block holds of it, to a block."""
        matrix = self.silence()
        content = np.eye(self.width(block)) if through is None else through
        matrix[self.code[: content.shape[0]], self.blocks[block]] = scale * content
        return matrix

    def read_flags(self, *blocks: str) -> Array:
        """Bring one-coordinate blocks into the FLAGS channel, in this order."""
        matrix = self.nothing()
        for dimension, block in zip(self.flags, blocks, strict=False):
            matrix[self.blocks[block], dimension] = 1.0
        return matrix

    def want_flags(self, *scores: float) -> Array:
        """A query that scores a key by its flags, whatever the query's token."""
        matrix = self.nothing()
        matrix[self.size, self.flags[: len(scores)]] = scores
        return matrix

    def want_code(self, vector: Array) -> Array:
        """A query that scores a key by its code against one vector, whatever the query's token."""
        matrix = self.nothing()
        matrix[self.size, self.code[: len(vector)]] = vector
        return matrix

    def want_flags_if(self, block: str, *scores: float) -> Array:
        """A query that scores a key by its flags, times the query's own one-coordinate block."""
        matrix = self.nothing()
        matrix[self.blocks[block], self.flags[: len(scores)]] = scores
        return matrix

    def write_flags(self, *blocks: str | None) -> Array:
        """Write the FLAGS channel to one-coordinate blocks, in this order; None skips a flag."""
        matrix = self.silence()
        for dimension, block in zip(self.flags, blocks, strict=False):
            if block is not None:
                matrix[dimension, self.blocks[block]] = 1.0
        return matrix

    def positions(self) -> Array:
        """The key side of :meth:`at_offset` and :meth:`by_distance`."""
        matrix = self.nothing()
        if self.family == "gpt2":
            block = np.arange(self.size)[self.blocks["position"]]
            matrix[block, self.position[:_POSITION_SIZE]] = 1.0
        else:
            matrix[self.size, self.position[:_PAIRS]] = 1.0
        return matrix

    def at_offset(self, offset: int, score: float) -> Array:
        """A query with ``score`` for the key ``offset`` back and clearly less for any other."""
        matrix = self.nothing()
        if self.family == "gpt2":
            turn = offset * _position_frequencies()
            first = self.blocks["position"].start
            for pair in range(_FREQUENCIES):
                cos_row, sin_row = first + pair, first + _FREQUENCIES + pair
                cos_dim, sin_dim = self.position[pair], self.position[_FREQUENCIES + pair]
                matrix[cos_row, cos_dim] = matrix[sin_row, sin_dim] = score * np.cos(turn[pair])
                matrix[sin_row, cos_dim] = score * np.sin(turn[pair])
                matrix[cos_row, sin_dim] = -score * np.sin(turn[pair])
        else:
            turn = -offset * _rope_angles()
            matrix[self.size, self.position[:_PAIRS]] = score * _PAIR_WEIGHT * np.cos(turn)
            matrix[self.size, self.position[_PAIRS:]] = score * _PAIR_WEIGHT * np.sin(turn)
        return matrix

    def by_distance(self, slope: float) -> Array:
        """A query whose score grows by about ``slope`` with each position further back."""
        matrix = self.nothing()
        if self.family == "gpt2":
            matrix[self.size, self.position[_POSITION_SIZE - 1]] = -slope * CONTEXT
        else:  # cos(distance * angle - pi / 2) = sin(distance * angle)
            angle = _rope_angles()[_DISTANCE_PAIR]
            matrix[self.size, self.position[_PAIRS + _DISTANCE_PAIR]] = -slope / angle
        return matrix

    def quiet(self) -> Head:
        """A head that attends evenly and writes nothing."""
        return Head(self.nothing(), self.silence())

    def idle(self) -> Group:
        """Two quiet heads."""
        return Group(self.nothing(), self.nothing(), (self.quiet(), self.quiet()))

    def rows(self, count: int, **content: Array) -> Array:
        """(count, n): one row a token, each named block filled from (count, width) or (count,)."""
        table = np.zeros((count, self.size))
        for block, values in content.items():
            table[:, self.blocks[block]] = values.reshape(count, -1)
        return table


def _rope_angles() -> Array:
    return np.asarray(ROPE_BASE ** (-2.0 * np.arange(_PAIRS) / HEAD_SIZE))


def is_one_of(words: Sequence[str], vocabulary: Sequence[str]) -> Array:
    """A flag for each token: whether it is one of the words."""
    chosen = set(words)
    return np.array([float(word in chosen) for word in vocabulary])


assert HEAD_SIZE == CODE_SIZE + 20, "the CODE channel holds a token code"
