"""Words as tokens: what a tokenizer makes of word lists and texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from catalog.schema.vocabulary import TextSet, Vocabulary
from verify.prompts import CannotBuild, PromptSet

_MARKS = ("(", "-", "/")
_SAMPLES = ("a", "the", "one")
"""Words that show what a tokenizer makes of the start of a text."""
_PLACEHOLDER = re.compile(
    r"<\|.+\|>|[<\[]/?(unused|reserved|extra|control|dummy|mask|pad|placeholder)[^<>\[\]]*[>\]]",
    re.IGNORECASE,
)
"""Names of tokens that mark up a chat or stand for nothing yet: texts seldom or never hold them."""


class Words:
    """A tokenizer, the catalog's word lists, and what becomes of them.

    Args:
        tokenizer: a *fast* tokenizer (positions of words are found through its offsets).
        vocabularies: word lists by id.
        texts: text sets by id.
        size: rows of the model's embedding; token ids beyond it do not exist for the model.

    Raises:
        CannotBuild: if the tokenizer gives no offsets.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        vocabularies: Mapping[str, Vocabulary],
        texts: Mapping[str, TextSet],
        size: int,
    ) -> None:
        if not tokenizer.is_fast:
            raise CannotBuild("the tokenizer is not a fast one, so word positions are unknown")
        self.tokenizer = tokenizer
        self.vocabularies = vocabularies
        self.texts = texts
        self.size = size
        self.unknown: int | None = tokenizer.unk_token_id
        # what is asked of the same word or token again and again
        self._tokens: dict[str, int | None] = {}
        self._pieces: dict[str, tuple[int, ...]] = {}
        self._stripped: dict[int, str] = {}
        self._counts: dict[str, Mapping[int, int]] = {}
        self._once: dict[str, PromptSet] = {}

    @property
    def start(self) -> tuple[int, ...]:
        """The beginning-of-sequence token, if the tokenizer has one that the model knows.

        It is put in front of every prompt: tokenizers differ in whether they do so themselves.
        """
        bos = self.tokenizer.bos_token_id
        return () if bos is None or bos >= self.size else (int(bos),)

    @cached_property
    def ordinary(self) -> NDArray[np.int64]:
        """Ids of all tokens that texts are made of, ascending.

        Special tokens are left out, be they named ones (start, end, unknown) or others that were
        added as special, and so are those whose names say that they are markup of a chat or wait
        for a use ("<|reserved_3|>", "<unused7>"): rows that were hardly trained.
        """
        known = min(len(self.tokenizer), self.size)
        left_out = set(self.tokenizer.all_special_ids)
        added = self.tokenizer.added_tokens_decoder
        left_out |= {i for i, token in added.items() if token.special}
        named = {i: token for token, i in self.tokenizer.get_vocab().items() if token[0:1] in "<["}
        left_out |= {i for i, token in named.items() if _PLACEHOLDER.fullmatch(token)}
        return np.array([i for i in range(known) if i not in left_out], dtype=np.int64)

    @cached_property
    def gap(self) -> str:
        """What is written before a text that is to start like a word inside a sentence.

        A space, but where the tokenizer itself puts one at the start of a text (Llama 2's kind):
        a second space would be a token of its own, the same for every word.
        """
        for sample in _SAMPLES:
            alone, spaced = self.encode(sample), self.encode(f" {sample}")
            if self.encode(f"{sample} {sample}") != alone + alone or spaced == alone:
                return " "
        return ""

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without special tokens."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def encode_with_spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Token ids and the letters [start, end) that each came from."""
        made = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return made["input_ids"], [(int(a), int(b)) for a, b in made["offset_mapping"]]

    def token(self, word: str) -> int | None:
        """The one token of a word inside a sentence, or None if it is split or unknown.

        The form that follows a space comes first: byte-level tokenizers see a word after another
        so.
        """
        if word not in self._tokens:
            self._tokens[word] = self._look_up(word)
        return self._tokens[word]

    def _look_up(self, word: str) -> int | None:
        for ids in (self.pieces(word), self.encode(word)):
            if len(ids) == 1 and ids[0] != self.unknown and ids[0] < self.size:
                return ids[0]
        return None

    def joined(self, letter: str) -> int | None:
        """The one token of a letter that follows without a space; None if there is none."""
        for mark in _MARKS:  # some tokenizers have a token for a mark and a letter together
            ids = self.encode(f"{mark}{letter}")
            if ids[:-1] == self.encode(mark) and ids[-1] != self.unknown and ids[-1] < self.size:
                return ids[-1]
        return None

    def first_piece(self, word: str) -> int | None:
        """The first token of a word inside a sentence, None if some token of it is unknown."""
        return self.pieces(word)[0] if self.is_known(word) else None

    def is_known(self, word: str) -> bool:
        """Whether every token of a word inside a sentence is known to tokenizer and model."""
        ids = self.pieces(word)
        return bool(ids) and all(i != self.unknown and i < self.size for i in ids)

    def spaced(self, word: str) -> bool:
        """Whether the token of ``word`` is that of its form after a space."""
        ids = self.pieces(word)
        return len(ids) == 1 and ids[0] == self.token(word)

    def once(self, parameters: str, make: Callable[[], PromptSet]) -> PromptSet:
        """Prompts that several builders share, made when they are first asked for."""
        if parameters not in self._once:
            self._once[parameters] = make()
        return self._once[parameters]

    def counts(self, text: str) -> Mapping[int, int]:
        """How often each token stands in a text set."""
        if text not in self._counts:
            self._counts[text] = Counter(
                token
                for passage in self.texts[text].passages
                for token in self.encode(f"{self.gap}{passage}")
            )
        return self._counts[text]

    def tokens(self, words: Sequence[str]) -> dict[str, int]:
        """The words that are one token, with it."""
        found = {word: self.token(word) for word in words}
        return {word: token for word, token in found.items() if token is not None}

    def is_delimiter(self, token: int) -> bool:
        """Whether a token is punctuation only."""
        text = self._text(token)
        return bool(text) and all(unicodedata.category(c).startswith("P") for c in text)

    def ends_sentence(self, token: int) -> bool:
        """Whether a token is the end of a sentence: a full stop, question or exclamation mark."""
        return self._text(token) in {".", "?", "!"}

    def folded(self, token: int) -> str:
        """What is the same in " cat", "Cat" and "CAT": the text without spaces and capitals."""
        return self._text(token).casefold()

    def _text(self, token: int) -> str:
        """A token as text, without the spaces around it."""
        if token not in self._stripped:
            self._stripped[token] = str(self.tokenizer.decode([token])).strip()
        return self._stripped[token]

    def pieces(self, word: str) -> tuple[int, ...]:
        """Token ids of a word inside a sentence, after a space."""
        if word not in self._pieces:
            self._pieces[word] = tuple(self.encode(f"{self.gap}{word}"))
        return self._pieces[word]

    def unknown_share(self, prompts: Sequence[Sequence[int]]) -> float:
        """Share of tokens, start token left out, that the tokenizer does not know."""
        if self.unknown is None:
            return 0.0
        total = sum(len(ids) - len(self.start) for ids in prompts)
        unknown = sum(list(ids[len(self.start) :]).count(self.unknown) for ids in prompts)
        return unknown / max(total, 1)
