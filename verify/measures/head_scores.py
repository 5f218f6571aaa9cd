"""Scores of heads while a pass runs, of which only those are kept that become units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from verify.anatomy import Anatomy

FloatArray = NDArray[np.float64]


class HeadScores:
    """What each head scored on each prompt; NaN where nothing was put.

    Prompts that are made for one head are units of that head alone: of a model with h heads and n
    prompts each, h * n numbers are kept, not h * h * n.

    Args:
        anatomy: the model.
        own: for each prompt the head that it was made for, layer-major, or None if it is for all;
            as many for each head, head by head.
    """

    def __init__(self, anatomy: Anatomy, own: Sequence[int | None]) -> None:
        self._heads = anatomy.heads
        self._all = anatomy.layers * anatomy.heads
        self._own: NDArray[np.int64] | None = None
        shape: tuple[int, ...] = (len(own), anatomy.layers, anatomy.heads)
        if own and own[0] is not None:
            self._own = np.array(own, dtype=np.int64)
            each = np.repeat(np.arange(self._all), len(own) // self._all)
            assert np.array_equal(self._own, each), "as many for each head, head by head"
            shape = (len(own),)
        self.values: FloatArray = np.full(shape, np.nan)
        """[prompts, layers, heads], or [prompts] where each has a head of its own."""

    def put(self, numbers: Sequence[int] | NDArray[np.int64], layer: int, made: FloatArray) -> None:
        """Keep what the heads of one layer scored on some prompts: [len(numbers), heads]."""
        numbers = np.asarray(numbers, dtype=np.int64)
        if self._own is None:
            self.values[numbers, layer] = made
            return
        in_layer, head = np.divmod(self._own[numbers], self._heads)
        mine = np.flatnonzero(in_layer == layer)
        self.values[numbers[mine]] = made[mine, head[mine]]

    def units(self, divide: FloatArray | None = None) -> FloatArray:
        """[units, heads], heads layer-major.

        Args:
            divide: a number for each prompt, [prompts], that its scores are divided by.
        """
        values = self.values
        if divide is not None:
            values = values / divide.reshape(-1, *[1] * (values.ndim - 1))
        if self._own is None:
            return values.reshape(len(values), -1)
        return values.reshape(self._all, -1).T
