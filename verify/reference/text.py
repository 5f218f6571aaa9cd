"""A document while it is being written: its words, and which of them answer something."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from verify.reference.tokenizer import BOS

T = TypeVar("T")


@dataclass
class Text:
    """Words after ``<bos>``, and for each whether it is asked for."""

    words: list[str] = field(default_factory=lambda: [BOS])
    asked: list[bool] = field(default_factory=lambda: [False])
    accepted: frozenset[str] = frozenset()
    """What else would be right in place of the last word that was asked for."""

    def __len__(self) -> int:
        return len(self.words)

    def tell(self, words: Iterable[str]) -> None:
        """Words that nobody asks for."""
        for word in words:
            self.words.append(word)
            self.asked.append(False)

    def answer(self, word: str, end: str = ".", accepted: frozenset[str] = frozenset()) -> None:
        """A word that follows from what is before it (or from what the world knows).

        Args:
            word: the word.
            end: what ends the sentence.
            accepted: other words that would be as right.
        """
        self.words.append(word)
        self.asked.append(True)
        self.accepted = accepted
        if end:
            self.tell((end,))

    def answers(self) -> list[int]:
        """Positions of the words that are asked for."""
        return [i for i, asked in enumerate(self.asked) if asked]


def one(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def some(rng: np.random.Generator, options: Sequence[T], count: int) -> list[T]:
    """``count`` different ones of the options, in random order."""
    return [options[int(i)] for i in rng.permutation(len(options))[:count]]
