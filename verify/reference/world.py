"""The generator: documents of the reference models' training mixture.

A document is a text of one kind: tokens drawn at random, or exchanges of the tasks. ``batch``
draws kinds by the mixture and returns token ids. The same seed and step always give the same
batch, so training can be resumed without keeping any generator's state.

Some combinations are never written (``lists.held_out``); ``skills.py`` asks for those.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from verify.reference import context_tasks, knowledge_tasks
from verify.reference.lists import World, split_words
from verify.reference.mixtures import KINDS, MIXTURES, OF_POOL
from verify.reference.text import Text, one
from verify.reference.tokenizer import Encoding

BLOCK = (4, 40)
FIRST_BLOCK = (8, 24)
FIRST_POOL = 120
GAP = (0, 4)
LEAD = 20
NEXT_BLOCK = 0.5
"""How often a block that has been told twice or more gives way to a new one, where it may."""
PROSE_BETWEEN = 0.3
NEAR_SUBJECTS = 0.1
"""Share of the indirect-object sentences whose subject stands right before the end, once the
attention phase has come to its own."""
LEFT_OUT = 0.1
"""How often words between a key and its value are left out, once the last phase has come to its
own; before that phase none are."""
ANSWER_WEIGHT = 3.0
"""How much more than another word of its text a word counts that follows from what is before."""

OTHERS_SHARE = 0.3
"""Share of the other words that are predicted at all: templates are soon known, and logits are
dear."""

Task = Callable[[World, np.random.Generator, Text, bool], None]

TASKS: dict[str, tuple[Task, ...]] = {
    "series": (knowledge_tasks.chain,),
    "word-pairs": (knowledge_tasks.word_pair,),
    "boxes": (context_tasks.boxes,),
    "few-shot": (knowledge_tasks.few_shot,),
    "yes-no": (knowledge_tasks.yes_no,),
    "choice": (context_tasks.choice_of_colour, context_tasks.choice_of_capital),
    "years": (knowledge_tasks.years,),
    "reviews": (knowledge_tasks.review,),
    "acronyms": (context_tasks.acronym,),
    "closed-lists": (context_tasks.closed_list,),
}
"""Tasks that fill a document, one exchange after another."""


class Batch(NamedTuple):
    """Documents as arrays of the shape [documents, tokens]."""

    tokens: NDArray[np.int64]
    """Token ids."""
    weights: NDArray[np.float32]
    """How much the prediction of each token counts."""
    copied: NDArray[np.bool_]
    """Continues a copy: the document repeats blocks, and the token has followed the one before
    it every time so far."""
    indirect_objects: NDArray[np.bool_]
    """The name that ends an indirect-object sentence."""


class Documents:
    """Writes training documents over one world."""

    def __init__(
        self,
        world: World,
        encoding: Encoding,
        mixtures: dict[str, dict[str, float]] = MIXTURES,
    ) -> None:
        self.world = world
        self.mixtures = mixtures
        self.encoding = encoding
        self._words = np.array(encoding.pool, dtype=object)
        # A fixed shuffle: its first words are those that are repeated first.
        self._shuffled = self._words[np.random.default_rng(0).permutation(len(self._words))]
        self._shares = {
            phase: np.array([mixture[kind] for kind in KINDS])
            for phase, mixture in mixtures.items()
        }
        self._passages = tuple(_sentences(p) for p in world.training_passages)
        self._sentences = tuple(sentence for p in self._passages for sentence in p)

    def batch(
        self,
        seed: int,
        step: int,
        count: int,
        length: int,
        curriculum: float,
        phase: str = "first",
        near_subjects: float = NEAR_SUBJECTS,
        left_out: float = 0.0,
        several_blocks: float = 0.0,
    ) -> Batch:
        """``count`` documents of ``length`` tokens.

        Args:
            seed: seed of the run.
            step: step of the run; each has its own documents.
            count: number of documents.
            length: tokens in each, ``<bos>`` included.
            curriculum: how far it has come: at 0 the repeated blocks are of few words and of
                middling length, at 1 of all words and lengths.
            phase: whose mixture to draw from, a key of ``mixtures``.
            near_subjects: share of the indirect-object sentences whose subject stands right before
                the end.
            left_out: how often words between a key and its value are left out.
            several_blocks: share of the documents of repeats in which one block follows another.
        """
        rng = np.random.default_rng([seed, step])
        drawn = rng.choice(len(KINDS), size=count, p=self._shares[phase])
        tokens = np.zeros((count, length), dtype=np.int64)
        weights = np.zeros((count, length), dtype=np.float32)
        copied, indirect_objects = (np.zeros(tokens.shape, dtype=np.bool_) for _ in range(2))
        for i, kind in enumerate(KINDS[k] for k in drawn):
            text = self.document(
                rng, kind, length, curriculum, near_subjects, left_out, several_blocks
            )
            pieces = self.encoding.ids(text.words, of_pool=kind in OF_POOL)
            # A text of as many words has at least as many tokens.
            tokens[i] = list(itertools.chain(*pieces))[:length]
            if kind in OF_POOL:
                # What is drawn at random cannot be known.
                copied[i] = continues_copy(text.words) if kind == "repeats" else False
                weights[i] = copied[i]
                continue
            asked = np.repeat(text.asked, [len(ids) for ids in pieces])[:length]
            weights[i] = rng.random(length) < OTHERS_SHARE
            weights[i, asked] = ANSWER_WEIGHT
            if kind == "indirect-object":
                indirect_objects[i] = asked
        return Batch(tokens, weights, copied, indirect_objects)

    def document(
        self,
        rng: np.random.Generator,
        kind: str,
        length: int,
        curriculum: float = 1.0,
        near_subjects: float = NEAR_SUBJECTS,
        left_out: float = 0.0,
        several_blocks: float = 0.0,
    ) -> Text:
        """One document of exactly ``length`` words, cut off at the end.

        Raises:
            ValueError: no such kind.
        """
        text = Text()
        if kind == "repeats":
            self._repeats(rng, text, length, curriculum, several_blocks)
        elif kind == "unrepeated":
            text.tell(self.random_words(rng, length))
        elif kind not in MIXTURES["first"]:
            raise ValueError(f"no such kind of document: {kind!r}; known are {', '.join(KINDS)}")
        names: list[str] = []
        while len(text) < length:
            if kind == "indirect-object":
                names = self._indirect_object(rng, text, names, near_subjects)
            elif kind == "recall":
                context_tasks.recall(self.world, rng, text, False, left_out=left_out)
            elif kind == "facts":
                knowledge_tasks.facts(self.world, rng, text, left_out)
            elif kind == "needle":
                room = int((length - len(text)) / self.encoding.tokens_a_word)
                context_tasks.needle(self.world, rng, text, False, room, left_out=left_out)
            elif kind == "prose":
                sentences = one(rng, self._passages)
                start = int(rng.integers(len(sentences))) if rng.random() < 0.5 else 0
                text.tell(itertools.chain(*sentences[start:]))
            else:
                one(rng, TASKS[kind])(self.world, rng, text, False)
        del text.words[length:], text.asked[length:]
        return text

    def random_words(self, rng: np.random.Generator, count: int) -> list[str]:
        """``count`` different words of the whole vocabulary, in random order."""
        return list(self._words[rng.permutation(len(self._words))[:count]])

    def _repeats(
        self,
        rng: np.random.Generator,
        text: Text,
        length: int,
        curriculum: float,
        several_blocks: float,
    ) -> None:
        # One block of middling length from a small pool comes first. Short blocks can be guessed
        # from what has been seen so far, which delays induction; over the whole vocabulary each
        # word comes too seldom. Once induction is there it extends to all words within minutes.
        whole = len(self._words)
        pool = self._shuffled[: round(FIRST_POOL + (whole - FIRST_POOL) * curriculum)]
        low, high = (
            round(first + (last - first) * curriculum)
            for first, last in zip(FIRST_BLOCK, BLOCK, strict=True)
        )

        def block() -> list[str]:
            drawn = list(pool[rng.permutation(len(pool))])
            return drawn[: int(rng.integers(low, high + 1))]

        told, copies = block(), 0
        lead = int(rng.integers(1 + round(LEAD * curriculum)))
        text.tell(pool[rng.integers(len(pool), size=lead)])
        several = bool(several_blocks) and rng.random() < several_blocks
        while len(text) < length:
            if several and copies > 1 and rng.random() < NEXT_BLOCK:
                told, copies = block(), 0
            # Another gap each time, so that no fixed offset finds the copy.
            text.tell(told)
            copies += 1
            gap = int(rng.integers(GAP[0], GAP[1] + 1))
            text.tell(pool[rng.integers(len(pool), size=gap)])

    def _indirect_object(
        self, rng: np.random.Generator, text: Text, names: list[str], near_subjects: float
    ) -> list[str]:
        # Names are fresh in every sentence of a document, as far as they reach.
        while len(names) < 3 or context_tasks.pair_held_out(names[-1], names[-2]):
            if len(names) < 20:
                names = list(self.world.words["names"])
            rng.shuffle(names)
        if rng.random() < PROSE_BETWEEN:
            text.tell(one(rng, self._sentences))
        context_tasks.indirect_object(
            self.world, rng, text, False, names, near_subjects=near_subjects
        )
        return names


def continues_copy(words: Sequence[str]) -> list[bool]:
    """For each word, whether it has always followed the word before it, and did so before."""
    followers: dict[str, set[str]] = {}
    marks = [False]
    for before, word in itertools.pairwise(words):
        known = followers.setdefault(before, set())
        marks.append(known == {word})
        known.add(word)
    return marks


def _sentences(passage: str) -> tuple[tuple[str, ...], ...]:
    """The words of each sentence of a passage, full stop included."""
    parts = [part for part in passage.split(".") if part.strip()]
    return tuple((*split_words(part), ".") for part in parts)
