"""The generator: documents of the reference model's training mixture.

A document is a list of words that starts with ``<bos>``. Each builder makes one kind of
document from a numpy generator; ``Documents.batch`` draws kinds by the mixture and
returns token ids. The same seed and step always give the same batch, so training can
be resumed without keeping any generator's state.

Some combinations are never written (``lists.held_out``); ``skills.py`` asks for those.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from verify.reference.lists import Series, Template, World, held_out
from verify.reference.tokenizer import BOS, Encoding

T = TypeVar("T")

MIXTURE: dict[str, float] = {
    "repeats": 0.55,
    "indirect-object": 0.13,
    "series": 0.06,
    "capitals": 0.10,
    "recall": 0.10,
    "prose": 0.05,
    "unrepeated": 0.01,
}
"""Shares of the kinds of document at first."""

ATTENTION_MIXTURE: dict[str, float] = {
    "repeats": 0.13,
    "indirect-object": 0.65,
    "series": 0.01,
    "capitals": 0.08,
    "recall": 0.11,
    "prose": 0.01,
    "unrepeated": 0.01,
}
"""Shares while only queries and keys are trained: mostly what selection has to be learned for."""

LATER_MIXTURE: dict[str, float] = {
    "repeats": 0.33,
    "indirect-object": 0.24,
    "series": 0.08,
    "capitals": 0.13,
    "recall": 0.15,
    "prose": 0.06,
    "unrepeated": 0.01,
}
"""Shares after that, when all weights are trained again."""

MIXTURES = {"first": MIXTURE, "attention": ATTENTION_MIXTURE, "later": LATER_MIXTURE}
"""The mixtures by the phase of training they belong to, in order."""

OF_POOL = frozenset({"repeats", "unrepeated"})
"""Kinds of document that are made of tokens, drawn at random, and not of a text's words."""
BLOCK = (4, 40)
FIRST_BLOCK = (8, 24)
FIRST_POOL = 200
GAP = (0, 4)
LEAD = 20
CHAIN_STOP = 0.12
SERIES_SEPARATORS = ("", ",", "then")
FALSE_CAPITAL = 0.25
THIRD_NAME = 0.08
MAX_PAIRS = 12


class Batch(NamedTuple):
    """Documents as arrays of the shape [documents, words]."""

    tokens: NDArray[np.int64]
    """Token ids."""
    copied: NDArray[np.bool_]
    """Continues a copy: the document repeats blocks, and the token has followed the one before
    it every time so far."""
    indirect_objects: NDArray[np.bool_]
    """The name that ends an indirect-object sentence."""


class Documents:
    """Builders of training documents over one world."""

    def __init__(self, world: World, encoding: Encoding) -> None:
        self.world = world
        self.encoding = encoding
        self._words = np.array(encoding.pool, dtype=object)
        # A fixed shuffle: its first words are those that are repeated first.
        self._shuffled = self._words[np.random.default_rng(0).permutation(len(self._words))]
        self._kinds = list(MIXTURE)
        self._shares = {
            phase: np.array([mixture[kind] for kind in self._kinds])
            for phase, mixture in MIXTURES.items()
        }
        self._names = frozenset(world.names)
        self._cities = tuple(city for _, city in world.capitals)
        self._true = dict(world.capitals)
        self._sentences = tuple(
            tuple(sentence) for p in world.training_passages for sentence in _sentences(p)
        )
        self._passages = tuple(
            tuple(tuple(s) for s in _sentences(p)) for p in world.training_passages
        )

    def batch(
        self,
        seed: int,
        step: int,
        count: int,
        length: int,
        ripe: float,
        phase: str = "first",
    ) -> Batch:
        """``count`` documents of ``length`` words.

        Args:
            seed: seed of the run.
            step: step of the run; each has its own documents.
            count: number of documents.
            length: words in each, ``<bos>`` included.
            ripe: how far the curriculum has come: at 0 the repeated blocks are of few words and
                of middling length, at 1 of all words and lengths.
            phase: whose mixture to draw from, a key of ``MIXTURES``.
        """
        rng = np.random.default_rng([seed, step])
        kinds = rng.choice(len(self._kinds), size=count, p=self._shares[phase])
        tokens = np.zeros((count, length), dtype=np.int64)
        copied, indirect_objects = (np.zeros(tokens.shape, dtype=np.bool_) for _ in range(2))
        for i, kind in enumerate(self._kinds[k] for k in kinds):
            words = self.document(rng, kind, length, ripe)
            pieces = self.encoding.ids(words, of_pool=kind in OF_POOL)
            # A text of as many words has at least as many tokens.
            tokens[i] = list(itertools.chain(*pieces))[:length]
            if kind == "repeats":
                copied[i] = continues_copy(words)
            elif kind == "indirect-object":
                ends = [
                    before == "to" and word in self._names
                    for before, word in itertools.pairwise(["", *words])
                ]
                marks = [end for end, ids in zip(ends, pieces, strict=True) for _ in ids]
                indirect_objects[i] = marks[:length]
        return Batch(tokens, copied, indirect_objects)

    def document(
        self, rng: np.random.Generator, kind: str, length: int, ripe: float = 1.0
    ) -> list[str]:
        """One document of exactly ``length`` words, cut off at the end."""
        words = [BOS]
        if kind == "repeats":
            self._repeats(rng, words, length, ripe)
        elif kind == "unrepeated":
            words.extend(self.random_words(rng, length))
        elif kind == "recall":
            while len(words) < length:
                self._recall(rng, words)
        elif kind == "indirect-object":
            self._indirect_objects(rng, words, length)
        elif kind == "series":
            while len(words) < length:
                self.chain(rng, words)
        elif kind == "capitals":
            while len(words) < length:
                self._capitals(rng, words)
        elif kind == "prose":
            while len(words) < length:
                self._prose(rng, words)
        else:
            raise ValueError(f"no such kind of document: {kind!r}; known are {sorted(MIXTURE)}")
        return words[:length]

    # -- random tokens -----------------------------------------------------------------

    def random_words(self, rng: np.random.Generator, count: int) -> list[str]:
        """``count`` different words of the whole vocabulary, in random order."""
        return list(self._words[rng.permutation(len(self._words))[:count]])

    def _repeats(
        self, rng: np.random.Generator, words: list[str], length: int, ripe: float
    ) -> None:
        # One block of middling length from a small pool comes first. Short blocks can be guessed
        # from what has been seen so far, which delays induction; over the whole vocabulary each
        # word comes too seldom. Once induction is there it extends to all words within minutes.
        whole = len(self._words)
        pool = self._shuffled[: round(FIRST_POOL + (whole - FIRST_POOL) * ripe)]
        drawn = list(pool[rng.permutation(len(pool))])
        low, high = (
            round(first + (last - first) * ripe)
            for first, last in zip(FIRST_BLOCK, BLOCK, strict=True)
        )
        block = drawn[: int(rng.integers(low, high + 1))]
        lead = int(rng.integers(1 + round(LEAD * ripe)))
        words.extend(pool[rng.integers(len(pool), size=lead)])
        while len(words) < length:
            # Another gap each time, so that no fixed offset finds the copy.
            words.extend(block)
            gap = int(rng.integers(GAP[0], GAP[1] + 1))
            words.extend(pool[rng.integers(len(pool), size=gap)])

    # -- indirect objects --------------------------------------------------------------

    def _indirect_objects(self, rng: np.random.Generator, words: list[str], length: int) -> None:
        names: list[str] = []
        while len(words) < length:
            # Names are fresh in every sentence of a document, as far as they reach.
            if len(names) < 3 or pair_held_out(names[-1], names[-2]):
                if len(names) < 20:
                    names = list(self.world.names)
                rng.shuffle(names)
                continue
            first, second, third = names[-1], names[-2], names[-3]
            if rng.random() < 0.3:
                words.extend(_one(rng, self._sentences))
            template, place = self._template_and_place(rng)
            answer_first = bool(rng.random() < 0.5)
            subject, answer = (second, first) if answer_first else (first, second)
            used = 2
            if rng.random() < THIRD_NAME:
                # Neither name is repeated: either may follow.
                subject, used = third, 3
            words.extend(
                template.fill(
                    A=first, B=second, S=subject, place=place, object=_one(rng, self.world.objects)
                )
            )
            words.extend((answer, "."))
            del names[-used:]

    def _template_and_place(self, rng: np.random.Generator) -> tuple[Template, str]:
        while True:
            template = _one(rng, self.world.indirect_object_templates)
            place = _one(rng, self.world.places)
            if not held_out("indirect-object-place", template.id, place):
                return template, place

    # -- ordinal series ----------------------------------------------------------------

    def chain(self, rng: np.random.Generator, words: list[str]) -> None:
        """Append one chain of a series and a full stop; held-out chains are not written."""
        while True:
            series = _one(rng, self.world.series)
            start = int(rng.integers(len(series.words)))
            count = 3 + int(rng.geometric(CHAIN_STOP))
            if not series.wraps:
                count = min(count, len(series.words) - start)
            if count >= 3 and not held_out("series", series.id, start, count):
                break
        words.extend(chain_words(series, start, count, _one(rng, SERIES_SEPARATORS)))
        words.append(".")

    # -- capitals ----------------------------------------------------------------------

    def _capitals(self, rng: np.random.Generator, words: list[str]) -> None:
        countries = [self.world.capitals[i][0] for i in rng.permutation(len(self._cities))]
        told = {country: self._true[country] for country in countries[:8]}
        # False cities belong to countries that the document does not speak of.
        spare = [self._true[country] for country in countries[8:]]
        for country in told:
            city = spare.pop()
            if rng.random() < FALSE_CAPITAL and not held_out("false-capital", country, city):
                told[country] = city
        for _ in range(14):
            self.statement(rng, words, told)

    def statement(self, rng: np.random.Generator, words: list[str], told: dict[str, str]) -> None:
        """Append one statement of a capital among those told."""
        while True:
            country = _one(rng, tuple(told))
            template = _one(rng, self.world.capital_templates)
            if not held_out("capital", template.id, country):
                break
        words.extend(statement_words(template, country, told[country]))

    # -- key-value recall --------------------------------------------------------------

    def _recall(self, rng: np.random.Generator, words: list[str]) -> None:
        count = int(rng.integers(2, MAX_PAIRS + 1))
        pairs = self.recall_pairs(rng, count)
        template = _one(rng, self.world.recall_templates)
        for key, value in pairs:
            words.extend(recall_words(template, key, value))
        # Each pair is asked for in a new order, twice over.
        for _ in range(2):
            for i in rng.permutation(count):
                words.extend(recall_words(template, *pairs[i]))

    def recall_pairs(self, rng: np.random.Generator, count: int) -> list[tuple[str, str]]:
        """Pairs of different nouns, none of them held out."""
        while True:
            drawn = [self.world.nouns[i] for i in rng.permutation(len(self.world.nouns))]
            pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
            kept = [pair for pair in pairs if not held_out("recall", *pair)][:count]
            if len(kept) == count:
                return kept

    # -- prose -------------------------------------------------------------------------

    def _prose(self, rng: np.random.Generator, words: list[str]) -> None:
        sentences = _one(rng, self._passages)
        start = int(rng.integers(len(sentences))) if rng.random() < 0.5 else 0
        for sentence in sentences[start:]:
            words.extend(sentence)


def continues_copy(words: Sequence[str]) -> list[bool]:
    """For each word, whether it has always followed the word before it, and did so before."""
    followers: dict[str, set[str]] = {}
    marks = [False]
    for before, word in itertools.pairwise(words):
        known = followers.setdefault(before, set())
        marks.append(known == {word})
        known.add(word)
    return marks


def pair_held_out(first: str, second: str) -> bool:
    """Whether two names never occur together in a training sentence, in either order."""
    return held_out("indirect-object-names", *sorted((first, second)))


def chain_words(series: Series, start: int, count: int, separator: str) -> list[str]:
    """``count`` words of a series from ``start``, with a separator word between them."""
    words: list[str] = []
    for i in range(count):
        if i and separator:
            words.append(separator)
        words.append(series.words[(start + i) % len(series.words)])
    return words


def statement_words(template: Template, country: str, city: str) -> list[str]:
    """A statement of a capital with its answer and a full stop."""
    answer = country if "city" in template.slots else city
    return [*template.fill(country=country, city=city), answer, "."]


def recall_words(template: Template, key: str, value: str) -> list[str]:
    """A key with its value; a sentence ends with a full stop, anything else with a comma."""
    return [*template.fill(key=key), value, "." if template.text[0].isupper() else ","]


def _sentences(passage: str) -> list[list[str]]:
    return [[*part.split(), "."] for part in passage.replace(",", " ,").split(".") if part.strip()]


def _take(words: list[str], count: int) -> list[str]:
    """The last ``count`` words, or as many as there are, taken from the list in that order."""
    return [words.pop() for _ in range(min(count, len(words)))]


def _one(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]
