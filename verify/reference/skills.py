"""What the reference models are asked: held-out items of each task, and the accuracy on them.

An item is a prompt and the one word that must come next. Items use combinations that
``lists.held_out`` keeps out of training (random blocks are new by construction), and are written
by the same code as the training documents.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from transformers import PreTrainedModel

from verify.reference import context_tasks, knowledge_tasks
from verify.reference.knowledge_tasks import FEW_SHOT, RELATIONS
from verify.reference.lists import World
from verify.reference.text import Text
from verify.reference.tokenizer import BOS, Encoding
from verify.reference.world import GAP, Documents, Task


@dataclass(frozen=True)
class Item:
    """A prompt, starting with ``<bos>``, and the word that must follow."""

    prompt: tuple[str, ...]
    answer: str
    of_pool: bool = False
    """Whether the words are tokens drawn at random, and not those of a text."""
    accepted: frozenset[str] = frozenset()
    """What is right too."""


@dataclass(frozen=True)
class Accuracy:
    """Right answers among items, with the Wilson 95% interval."""

    right: int
    count: int

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval at 95% (Wilson 1927, equation for the roots)."""
        z = 1.959963984540054
        n, p = self.count, self.share
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(0.0, middle - half), min(1.0, middle + half)


LONGEST = 256
"""Tokens that the models can read."""

Maker = Callable[[Documents, np.random.Generator], Item]


@dataclass(frozen=True)
class Skill:
    """Something that the models are asked for."""

    make: Maker
    text: str
    """What an item is, for the card."""


def _repeat(lead: tuple[int, int] | None) -> Maker:
    def make(docs: Documents, rng: np.random.Generator) -> Item:
        size, gap = int(rng.integers(8, 41)), int(rng.integers(GAP[0], GAP[1] + 1))
        low, high = lead or (128 - size, 250 - 2 * size - gap)
        before = int(rng.integers(low, high))
        words = docs.random_words(rng, before + size + gap)
        block = words[before : before + size]
        asked = int(rng.integers(2, size))
        return Item((BOS, *words, *block[:asked]), block[asked], of_pool=True)

    return make


def _asked(task: Task, last: int = 1) -> Maker:
    """An item of a task: one of the last so many answers, and what stands before it."""

    def make(docs: Documents, rng: np.random.Generator) -> Item:
        text = Text()
        task(docs.world, rng, text, True)
        return _item(text, int(rng.integers(last)) if last > 1 else 0)

    return make


def _item(text: Text, from_the_end: int = 0) -> Item:
    at = text.answers()[-1 - from_the_end]
    return Item(tuple(text.words[:at]), text.words[at], accepted=text.accepted)


def _series(docs: Documents, rng: np.random.Generator) -> Item:
    text = Text()
    for _ in range(int(rng.integers(3))):
        knowledge_tasks.chain(docs.world, rng, text, False)
    knowledge_tasks.chain(docs.world, rng, text, True)
    return _item(text)


def _needle(low: int, high: int) -> Maker:
    def make(docs: Documents, rng: np.random.Generator) -> Item:
        text = Text()
        room = int(rng.integers(low, high) / docs.encoding.tokens_a_word)
        context_tasks.needle(docs.world, rng, text, True, room)
        return _item(text)

    return make


def _seen(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    knowledge_tasks.few_shot(world, rng, text, held, seen=True)


SKILLS: dict[str, Skill] = {
    "induction": Skill(
        _repeat((0, 21)), "second copy of a block of 8 to 40 random tokens, from its third on"
    ),
    "induction-late": Skill(_repeat(None), "the same at positions 128 to 255"),
    "indirect-object-names": Skill(
        _asked(context_tasks.indirect_object), "two names never trained on together"
    ),
    "indirect-object-places": Skill(
        _asked(partial(context_tasks.indirect_object, by="places")),
        "a template and a place never trained on together",
    ),
    "series": Skill(_series, "a chain never trained on, from its third member on"),
    **{
        relation.pairs: Skill(
            _asked(partial(knowledge_tasks.fact, relation=relation)),
            f"the {relation.name} of a country in a template it was never trained in",
        )
        for relation in RELATIONS
    },
    "contradiction": Skill(
        _asked(knowledge_tasks.contradiction),
        "a false fact never trained on, stated before in the same words",
    ),
    "contradiction-reworded": Skill(
        _asked(partial(knowledge_tasks.contradiction, reworded=True)),
        "the same, stated before in other words",
    ),
    "word-pairs": Skill(
        _asked(knowledge_tasks.word_pair),
        "opposite, plural or translation of a word in a template it was never trained in",
    ),
    **{
        f"recall-{pairs}": Skill(
            _asked(partial(context_tasks.recall, pairs=pairs)),
            f"a key-value pair never trained on, among {pairs} pairs",
        )
        for pairs in (4, 8, 12)
    },
    "boxes": Skill(_asked(context_tasks.boxes), "an object and a box never trained on together"),
    "needle-near": Skill(
        _needle(40, 100), "a name and a noun never trained on together, up to 100 tokens before"
    ),
    "needle-far": Skill(_needle(180, 250), "the same, in 180 to 250 tokens"),
    **{
        f"few-shot-{task}": Skill(
            _asked(partial(knowledge_tasks.few_shot, task=task)),
            "an input that no training example had, after 3 to 8 examples",
        )
        for task in FEW_SHOT
    },
    "few-shot-seen": Skill(
        _asked(_seen), "all of these, with an input that training examples had, in new company"
    ),
    "yes-no": Skill(
        _asked(partial(knowledge_tasks.yes_no, yes=0.5)),
        "a country never asked about in that question; half of the answers are yes",
    ),
    "choice-colour": Skill(
        _asked(context_tasks.choice_of_colour), "a thing never trained on in that colour"
    ),
    "choice-capital": Skill(
        _asked(context_tasks.choice_of_capital), "a country never asked about with options"
    ),
    "years": Skill(
        _asked(knowledge_tasks.years), "a start year never trained on; any later year is right"
    ),
    "reviews": Skill(
        _asked(knowledge_tasks.review), "an adjective in a template it was never trained in"
    ),
    "acronyms": Skill(
        _asked(context_tasks.acronym, last=3), "three words never trained on in that order"
    ),
    "closed-lists": Skill(
        _asked(context_tasks.closed_list), "the last of a group, in an order never trained on"
    ),
}


def items(skill: str, docs: Documents, count: int, seed: int) -> list[Item]:
    """``count`` items of a skill, the same for the same seed.

    Raises:
        KeyError: no skill of that name.
    """
    rng = np.random.default_rng([seed, list(SKILLS).index(skill)])
    asked: list[Item] = []
    while len(asked) < count:
        item = SKILLS[skill].make(docs, rng)
        pieces = docs.encoding.ids((*item.prompt, item.answer), of_pool=item.of_pool)
        if sum(len(ids) for ids in pieces) <= LONGEST:
            asked.append(item)
    return asked


@torch.no_grad()
def accuracy(
    model: PreTrainedModel, encoding: Encoding, asked: Sequence[Item], batch: int = 64
) -> Accuracy:
    """How many answers are, token by token, the model's most likely continuation."""
    rows = []
    for item in asked:
        pieces = encoding.ids((*item.prompt, item.answer), of_pool=item.of_pool)
        right = [pieces[-1], *(encoding.ids((word,))[0] for word in item.accepted)]
        rows.append((list(itertools.chain(*pieces)), right))
    rows.sort(key=lambda row: len(row[0]))
    correct = 0
    for i in range(0, len(rows), batch):
        part = rows[i : i + batch]
        longest = len(part[-1][0])
        # Padding on the right is never seen by the causal positions before it.
        tokens = torch.tensor([ids + [encoding.pad] * (longest - len(ids)) for ids, _ in part])
        hidden = model.base_model(input_ids=tokens.to(model.device)).last_hidden_state
        head = model.get_output_embeddings()
        for row, (ids, answers) in zip(hidden, part, strict=True):
            size = len(answers[0])
            guesses = head(row[len(ids) - size - 1 : len(ids) - 1]).argmax(-1).tolist()
            correct += guesses in answers
    return Accuracy(correct, len(rows))


@torch.no_grad()
def prose_loss(model: PreTrainedModel, encoding: Encoding, passages: Sequence[list[str]]) -> float:
    """Mean cross-entropy in nats per token of passages that each follow ``<bos>``."""
    total, count = 0.0, 0
    for passage in passages:
        ids = list(itertools.chain(*encoding.ids((BOS, *passage))))
        tokens = torch.tensor([ids], device=model.device)
        logits = model(input_ids=tokens).logits[0, :-1]
        total += float(torch.nn.functional.cross_entropy(logits, tokens[0, 1:], reduction="sum"))
        count += len(ids) - 1
    return total / count
