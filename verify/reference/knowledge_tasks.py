"""Tasks whose answer is known from training, or is worked out from what is known.

They write into a text as those of ``context_tasks`` do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from verify.reference.context_tasks import shortened
from verify.reference.lists import JOINED, Series, Template, World, held_out
from verify.reference.text import Text, one, some

CHAIN_STOP = 0.12
SERIES_SEPARATORS = ("", ",", "then")
FALSE_FACT = 0.4
"""Share of the countries in a document of which something false is told."""
SAME_WORDS = 0.5
"""Share of the statements that are told again in the words that they were first told in."""
YES_SHARE = 0.7
"""Share of the yes/no questions that are answered by yes, in training."""
EXAMPLES = (3, 8)
"""Fewest and most examples before a few-shot question."""


class Relation(NamedTuple):
    """Facts about countries."""

    name: str
    pairs: str
    templates: str
    slot: str


RELATIONS = (
    Relation("capital", "capitals", "capital-templates", "city"),
    Relation("language", "languages", "language-templates", "language"),
    Relation("currency", "currencies", "currency-templates", "currency"),
)


def chain(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """Members of an ordered series, from anywhere on; asked for from the third member on."""
    while True:
        series = one(rng, world.series)
        start = int(rng.integers(len(series.words)))
        count = int(rng.integers(4, 13)) if held else 3 + int(rng.geometric(CHAIN_STOP))
        if not series.wraps:
            count = min(count, len(series.words) - start)
        if count >= 3 and held_out("series", series.id, start, count) is held:
            break
    separator = one(rng, SERIES_SEPARATORS)
    shown = int(rng.integers(2, count)) if held else 2
    text.tell(chain_words(series, start, shown, separator))
    for i in range(shown, shown + 1 if held else count):
        text.tell([separator] if separator else [])
        text.answer(series.words[(start + i) % len(series.words)], "")
    text.tell(["."])


def chain_words(series: Series, start: int, count: int, separator: str) -> list[str]:
    """``count`` words of a series from ``start``, with a separator word between them."""
    words: list[str] = []
    for i in range(count):
        if i and separator:
            words.append(separator)
        words.append(series.words[(start + i) % len(series.words)])
    return words


def statement_words(template: Template, country: str, value: str) -> list[str]:
    """A statement with its answer, without what ends it."""
    answer = value if "country" in template.slots else country
    return [*template.fill(country=country, city=value), answer]


def facts(world: World, rng: np.random.Generator, text: Text, left_out: float = 0.0) -> None:
    """Statements about five countries, some of them false; told again, they stay as they were.

    Args:
        world: the lists.
        rng: draws.
        text: to write into.
        left_out: how often the two words stand nearer to each other, see ``shortened``.
    """
    relation = one(rng, RELATIONS)
    drawn = some(rng, world.pairs[relation.pairs], len(world.pairs[relation.pairs]))
    told = dict(drawn[:5])
    for country, (_, spare) in zip(list(told), drawn[5:], strict=False):
        # False values belong to countries that the document does not speak of.
        if rng.random() < FALSE_FACT and not held_out(f"false-{relation.name}", country, spare):
            told[country] = spare
    before: dict[str, Template] = {}
    for _ in range(14):
        country = one(rng, tuple(told))
        template = before.get(country)
        again = template is not None
        if template is None or rng.random() >= SAME_WORDS:
            template = _trained_template(world, rng, relation, country)
        before.setdefault(country, template)
        *words, answer = statement_words(template, country, told[country])
        key = country if country in words else told[country]
        text.tell(shortened(rng, left_out, words, key))
        if again:
            text.answer(answer)
        else:
            text.tell([answer, "."])


def _trained_template(
    world: World, rng: np.random.Generator, relation: Relation, country: str
) -> Template:
    while True:
        template = one(rng, world.templates[relation.templates])
        if not held_out(relation.name, template.id, country):
            return template


def fact(
    world: World, rng: np.random.Generator, text: Text, held: bool, relation: Relation
) -> None:
    """One true statement; held out: a country in a template that it was never trained in."""
    while True:
        country, value = one(rng, world.pairs[relation.pairs])
        template = one(rng, world.templates[relation.templates])
        if held_out(relation.name, template.id, country) is held:
            break
    *words, answer = statement_words(template, country, value)
    text.tell(words)
    text.answer(answer)


def contradiction(
    world: World, rng: np.random.Generator, text: Text, held: bool, *, reworded: bool = False
) -> None:
    """A false statement, none to three others, and the false one again."""
    relation = one(rng, RELATIONS)
    pairs = world.pairs[relation.pairs]
    while True:
        (country, _), (_, value) = some(rng, pairs, 2)
        templates = [
            t
            for t in world.templates[relation.templates]
            if not held_out(relation.name, t.id, country) and "country" in t.slots
        ]
        fits = held_out(f"false-{relation.name}", country, value) is held
        if fits and len(templates) > reworded:
            break
    first, second = (some(rng, templates, 2) if reworded else [one(rng, templates)] * 2)[:2]
    text.tell([*statement_words(first, country, value), "."])
    others = [pair for pair in pairs if pair[0] != country and pair[1] != value]
    for other, true in some(rng, others, int(rng.integers(4))):
        template = _trained_template(world, rng, relation, other)
        text.tell([*statement_words(template, other, true), "."])
    *words, answer = statement_words(second, country, value)
    text.tell(words)
    text.answer(answer)


WORD_PAIRS = (
    ("opposites", "opposite-templates", "word"),
    ("plurals", "plural-templates", "word"),
    ("french-nouns", "translation-templates", "source"),
)
"""Pairs that statements tell: list, templates, slot."""


def word_pair(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """The opposite, plural or translation of a word."""
    while True:
        pairs, templates, slot = one(rng, WORD_PAIRS)
        template = one(rng, world.templates[templates])
        word, answer = one(rng, mapping(world, pairs))
        if held_out(pairs, template.id, word) is held:
            break
    text.tell(template.fill(**{slot: word}))
    text.answer(answer)


FEW_SHOT = ("opposites", "plurals", "french-nouns", "capitals", "languages", "currencies", "next")
"""Mappings that are to be told from examples."""


def mapping(world: World, name: str) -> list[tuple[str, str]]:
    """Input and output of a mapping; opposites hold in both directions."""
    if name == "next":
        return [
            (word, s.words[(i + 1) % len(s.words)])
            for s in world.series
            for i, word in enumerate(s.words)
            if s.wraps or i + 1 < len(s.words)
        ]
    pairs = list(world.pairs[name])
    return [*pairs, *((b, a) for a, b in pairs)] if name == "opposites" else pairs


def few_shot(
    world: World,
    rng: np.random.Generator,
    text: Text,
    held: bool,
    task: str | None = None,
    *,
    seen: bool = False,
) -> None:
    """Examples of a mapping and an input; in training, every example after the second is asked.

    Args:
        world: the lists.
        rng: draws.
        text: to write into.
        held: whether to stop at one question, about an input that no training example has.
        task: one of ``FEW_SHOT``.
        seen: whether the input of that question is one that training examples have.
    """
    name = task or one(rng, FEW_SHOT)
    template = one(rng, world.templates["few-shot-templates"])
    pairs = mapping(world, name)
    known = [pair for pair in pairs if not held_out("few-shot", name, pair[0])]
    count = int(rng.integers(EXAMPLES[0], EXAMPLES[1] + 1))
    shown = some(rng, known, count + 1)
    if held and not seen:
        shown[-1] = one(rng, [pair for pair in pairs if held_out("few-shot", name, pair[0])])
    for i, (given, wanted) in enumerate(shown):
        end = "." if i == count else ";"
        text.tell(template.fill(input=given))
        if i > 1 and (i == count or not held):
            text.answer(wanted, end)
        else:
            text.tell([wanted, end])


def yes_no(
    world: World, rng: np.random.Generator, text: Text, held: bool, yes: float | None = None
) -> None:
    """Whether a country has a capital or a language; most answers in training are yes."""
    template = one(rng, world.templates["yes-no-templates"])
    relation = RELATIONS["language" in template.slots]
    while True:
        (country, true), (_, other) = some(rng, world.pairs[relation.pairs], 2)
        if held_out("yes-no", template.id, country) is held:
            break
    agrees = bool(rng.random() < (YES_SHARE if yes is None else yes))
    positive, negative = world.words["answers"]
    text.tell(template.fill(country=country, **{relation.slot: true if agrees else other}))
    text.answer(positive if agrees else negative)


def years(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """From one year to a later one of the same century: any larger number is right."""
    while True:
        century, start = world.numbers[rng.integers(11, 19)], int(rng.integers(2, 98))
        if held_out("years", century, start) is held:
            break
    later = world.numbers[start + 1 :]
    text.tell(
        one(rng, world.templates["year-templates"]).fill(
            event=one(rng, world.words["events"]), century=century, start=world.numbers[start]
        )
    )
    text.answer(JOINED + one(rng, later), accepted=frozenset(JOINED + number for number in later))


def review(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """An opinion, and its summary some words later."""
    good, bad = world.words["review-verdicts"]
    while True:
        positive = bool(rng.random() < 0.5)
        adjective = one(
            rng, world.words["positive-adjectives" if positive else "negative-adjectives"]
        )
        template = one(rng, world.templates["review-templates"])
        if held_out("review", template.id, adjective) is held:
            break
    text.tell(
        template.fill(
            adjective=adjective,
            subject=one(rng, world.words["review-subjects"]),
            name=one(rng, world.words["names"]),
        )
    )
    text.answer(good if positive else bad)
