"""What the reference model is asked: held-out items of each task, and its accuracy on them.

An item is a prompt and the one word that must come next. Items use combinations that
``lists.held_out`` keeps out of training (random blocks are new by construction).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from verify.reference.lists import held_out
from verify.reference.tokenizer import BOS, Encoding
from verify.reference.world import (
    GAP,
    SERIES_SEPARATORS,
    Documents,
    chain_words,
    pair_held_out,
    recall_words,
    statement_words,
)


@dataclass(frozen=True)
class Item:
    """A prompt, starting with ``<bos>``, and the word that must follow."""

    prompt: tuple[str, ...]
    answer: str
    of_pool: bool = False
    """Whether the words are tokens drawn at random, and not those of a text."""


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


Maker = Callable[[Documents, np.random.Generator], Item]


def induction(docs: Documents, rng: np.random.Generator) -> Item:
    """Second copy of a random block of 8 to 40 words, from its third word on."""
    size, gap = int(rng.integers(8, 41)), int(rng.integers(GAP[0], GAP[1] + 1))
    lead = int(rng.integers(0, 21))
    return _repeat(docs, rng, lead, size, gap)


def induction_late(docs: Documents, rng: np.random.Generator) -> Item:
    """As induction, at positions 128 to 255, after unrepeated words."""
    size, gap = int(rng.integers(8, 41)), int(rng.integers(GAP[0], GAP[1] + 1))
    lead = int(rng.integers(128 - size, 250 - 2 * size - gap))
    return _repeat(docs, rng, lead, size, gap)


def _repeat(docs: Documents, rng: np.random.Generator, lead: int, size: int, gap: int) -> Item:
    words = docs.random_words(rng, lead + size + gap)
    block = words[lead : lead + size]
    asked = int(rng.integers(2, size))
    return Item((BOS, *words, *block[:asked]), block[asked], of_pool=True)


def indirect_object_names(docs: Documents, rng: np.random.Generator) -> Item:
    """Two names that were never trained on together."""
    return _indirect_object(docs, rng, names=True)


def indirect_object_places(docs: Documents, rng: np.random.Generator) -> Item:
    """A template and a place that were never trained on together."""
    return _indirect_object(docs, rng, names=False)


def _indirect_object(docs: Documents, rng: np.random.Generator, *, names: bool) -> Item:
    world = docs.world
    while True:
        first, second = (world.names[i] for i in rng.choice(len(world.names), 2, replace=False))
        template = world.indirect_object_templates[
            rng.integers(len(world.indirect_object_templates))
        ]
        place = world.places[rng.integers(len(world.places))]
        if (
            pair_held_out(first, second) is names
            and held_out("indirect-object-place", template.id, place) is not names
        ):
            break
    subject, answer = (first, second) if rng.random() < 0.5 else (second, first)
    filled = template.fill(
        A=first,
        B=second,
        S=subject,
        place=place,
        object=world.objects[rng.integers(len(world.objects))],
    )
    return Item((BOS, *filled), answer)


def series(docs: Documents, rng: np.random.Generator) -> Item:
    """A held-out chain, asked from its third member on, after none to two other chains."""
    while True:
        one = docs.world.series[rng.integers(len(docs.world.series))]
        start = int(rng.integers(len(one.words)))
        count = int(rng.integers(4, 13))
        fits = one.wraps or start + count <= len(one.words)
        if fits and held_out("series", one.id, start, count):
            break
    words = [BOS]
    for _ in range(int(rng.integers(3))):
        docs.chain(rng, words)
    separator = SERIES_SEPARATORS[rng.integers(len(SERIES_SEPARATORS))]
    asked = int(rng.integers(2, count))
    chain = chain_words(one, start, asked + 1, separator)
    return Item((*words, *chain[:-1]), chain[-1])


def capitals(docs: Documents, rng: np.random.Generator) -> Item:
    """A country in a template it was never trained in, after none to three other statements."""
    world = docs.world
    true = dict(world.capitals)
    while True:
        country = world.capitals[rng.integers(len(world.capitals))][0]
        template = world.capital_templates[rng.integers(len(world.capital_templates))]
        if held_out("capital", template.id, country):
            break
    words = [BOS]
    _statements(docs, rng, words, {c: t for c, t in true.items() if c != country})
    words.extend(statement_words(template, country, true[country])[:-1])
    return Item(tuple(words[:-1]), words[-1])


def capitals_contradicted(docs: Documents, rng: np.random.Generator) -> Item:
    """A held-out false capital is stated, then none to three others; the false one must follow."""
    world = docs.world
    true = dict(world.capitals)
    while True:
        a, b = rng.choice(len(world.capitals), 2, replace=False)
        country, city = world.capitals[a][0], world.capitals[b][1]
        templates = [t for t in world.capital_templates if not held_out("capital", t.id, country)]
        if held_out("false-capital", country, city) and templates:
            break
    told, asked = (templates[rng.integers(len(templates))] for _ in range(2))
    words = [BOS, *statement_words(told, country, city)]
    others = {c: t for c, t in true.items() if c != country and t != city}
    _statements(docs, rng, words, others)
    words.extend(statement_words(asked, country, city)[:-1])
    return Item(tuple(words[:-1]), words[-1])


def _statements(
    docs: Documents, rng: np.random.Generator, words: list[str], told: dict[str, str]
) -> None:
    for _ in range(int(rng.integers(4))):
        docs.statement(rng, words, told)


def _recall(pairs: int) -> Maker:
    def make(docs: Documents, rng: np.random.Generator) -> Item:
        nouns = docs.world.nouns
        while True:
            a, b = rng.choice(len(nouns), 2, replace=False)
            asked = (nouns[a], nouns[b])
            if held_out("recall", *asked):
                break
        others = [
            pair
            for pair in docs.recall_pairs(rng, pairs + 3)
            if asked[0] not in pair and asked[1] not in pair
        ][: pairs - 1]
        place = int(rng.integers(len(others) + 1))
        template = docs.world.recall_templates[rng.integers(len(docs.world.recall_templates))]
        words = [BOS]
        for pair in (*others[:place], asked, *others[place:]):
            words.extend(recall_words(template, *pair))
        words.extend(template.fill(key=asked[0]))
        return Item(tuple(words), asked[1])

    make.__doc__ = f"A held-out pair among {pairs} pairs, asked for right after the list."
    return make


SKILLS: dict[str, Maker] = {
    "induction": induction,
    "induction-late": induction_late,
    "indirect-object-names": indirect_object_names,
    "indirect-object-places": indirect_object_places,
    "series": series,
    "capitals": capitals,
    "capitals-contradicted": capitals_contradicted,
    "recall-4": _recall(4),
    "recall-8": _recall(8),
    "recall-12": _recall(12),
}


def items(skill: str, docs: Documents, count: int, seed: int) -> list[Item]:
    """``count`` items of a skill, the same for the same seed.

    Raises:
        KeyError: no skill of that name.
    """
    rng = np.random.default_rng([seed, list(SKILLS).index(skill)])
    return [SKILLS[skill](docs, rng) for _ in range(count)]


@torch.no_grad()
def accuracy(
    model: PreTrainedModel, encoding: Encoding, asked: Sequence[Item], batch: int = 64
) -> Accuracy:
    """How many answers are, token by token, the model's most likely continuation."""
    rows = []
    for item in asked:
        pieces = encoding.ids((*item.prompt, item.answer), of_pool=item.of_pool)
        rows.append((list(itertools.chain(*pieces)), len(pieces[-1])))
    rows.sort(key=lambda row: len(row[0]))
    right = 0
    for i in range(0, len(rows), batch):
        part = rows[i : i + batch]
        longest = len(part[-1][0])
        # Padding on the right is never seen by the causal positions before it.
        tokens = torch.tensor([ids + [encoding.pad] * (longest - len(ids)) for ids, _ in part])
        hidden = model.base_model(input_ids=tokens.to(model.device)).last_hidden_state
        head = model.get_output_embeddings()
        for row, (ids, size) in zip(hidden, part, strict=True):
            guesses = head(row[len(ids) - size - 1 : len(ids) - 1]).argmax(-1).tolist()
            right += guesses == ids[len(ids) - size :]
    return Accuracy(right, len(rows))


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
