"""Tasks whose answer stands in the context.

A task writes one exchange into a text: what is told, and what is asked. With ``held`` it writes a
combination that is never trained on, and without it only others; both come from the same code, so
that the model is asked in the words that it was trained in.
"""

from __future__ import annotations

import numpy as np

from verify.reference.lists import JOINED, LIST_IDS, Template, World, held_out, split_words
from verify.reference.text import Text, one, some

THIRD_NAME = 0.08
"""Share of indirect-object sentences in which neither name is repeated."""
SHORTEST_NEEDLE, MOST_NEEDLES = 12, 3


def indirect_object(
    world: World,
    rng: np.random.Generator,
    text: Text,
    held: bool,
    names: list[str] | None = None,
    by: str = "names",
    near_subjects: float = 0.0,
) -> None:
    """Two names, one of them again, and the other one.

    Args:
        world: the lists.
        rng: draws.
        text: to write into.
        held: whether what ``by`` says is a combination that is never trained on.
        names: the last two or three are used up; else two are drawn.
        by: ``names``, two in one sentence, or ``places``, a template with a place.
        near_subjects: how often, 0 to 1, the repeated name stands right before the end.
    """
    while True:
        pool = names if names is not None else some(rng, world.words["names"], 3)
        first, second, third = pool[-1], pool[-2], pool[-3]
        which = (
            "near-subject" if near_subjects and rng.random() < near_subjects else "indirect-object"
        )
        template = one(rng, world.templates[f"{which}-templates"])
        place = one(rng, world.words["places"])
        new = {
            "names": pair_held_out(first, second),
            "places": held_out("indirect-object-place", template.id, place),
        }
        if new == {"names": held and by == "names", "places": held and by == "places"}:
            break
    subject, answer = (second, first) if rng.random() < 0.5 else (first, second)
    used = 2
    if not held and rng.random() < THIRD_NAME:
        # Neither name is repeated: either may follow.
        subject, used = third, 3
    text.tell(
        template.fill(
            A=first, B=second, S=subject, place=place, object=one(rng, world.words["objects"])
        )
    )
    text.answer(answer)
    if names is not None:
        del names[-used:]


def pair_held_out(first: str, second: str) -> bool:
    """Whether two names never occur together in a training sentence, in either order."""
    return held_out("indirect-object-names", *sorted((first, second)))


def recall(
    world: World,
    rng: np.random.Generator,
    text: Text,
    held: bool,
    pairs: int | None = None,
    left_out: float = 0.0,
) -> None:
    """A list of keys and values, then the keys in another order.

    Args:
        world: the lists.
        rng: draws.
        text: to write into.
        held: whether one of the pairs is never trained on.
        pairs: how many; 2 to 12 if not given.
        left_out: how often keys stand nearer to their values, see ``shortened``.
    """
    count = pairs or int(rng.integers(2, 13))
    template = one(rng, world.templates["recall-templates"])
    listed = recall_pairs(world, rng, count, held)
    for key, value in listed:
        *before, _, end = recall_words(template, key, value)
        text.tell([*shortened(rng, left_out, before, key), value, end])
    asked = [listed[0]] if held else [p for _ in range(2) for p in some(rng, listed, count)]
    if held:  # the pair that is new stands anywhere in the list
        asked = [next(pair for pair in listed if held_out("recall", *pair))]
    for key, value in asked:
        *before, _, end = recall_words(template, key, value)
        text.tell(shortened(rng, left_out, before, key))
        text.answer(value, end)


def recall_pairs(
    world: World, rng: np.random.Generator, count: int, held: bool
) -> list[tuple[str, str]]:
    """Pairs of different nouns; one of them, at a random place, held out if ``held``."""
    while True:
        drawn = some(rng, world.words["nouns"], len(world.words["nouns"]))
        pairs = list(zip(drawn[::2], drawn[1::2], strict=True))
        new = [pair for pair in pairs if held_out("recall", *pair)]
        known = [pair for pair in pairs if not held_out("recall", *pair)]
        if len(known) >= count and (new or not held):
            return some(rng, [*known[: count - 1], new[0]] if held else known[:count], count)


def recall_words(template: Template, key: str, value: str) -> list[str]:
    """A key with its value; a sentence ends with a full stop, anything else with a comma."""
    return [*template.fill(key=key), value, "." if template.text[0].isupper() else ","]


def shortened(rng: np.random.Generator, left_out: float, words: list[str], key: str) -> list[str]:
    """The words before a value, without some or all of those between it and its key.

    Args:
        rng: draws.
        left_out: how often, 0 to 1, words are left out; how many is drawn evenly.
        words: what stands before the value.
        key: one of them.
    """
    between = len(words) - 1 - words.index(key)
    if not between or not left_out or rng.random() >= left_out:
        return words
    kept = int(rng.integers(between))
    return [*words[: words.index(key) + 1], *words[len(words) - kept :]]


def boxes(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """What is in three boxes, and in one of them."""
    letters = next(s.words for s in world.series if s.id == "letters")
    while True:
        objects, labels = some(rng, world.words["objects"], 3), some(rng, letters, 3)
        i = int(rng.integers(3))
        fits = [held_out("box", *pair) for pair in zip(objects, labels, strict=True)]
        if fits[i] is held and sum(fits) == held:
            break
    filled = {f"object{k + 1}": w for k, w in enumerate(objects)}
    filled |= {f"letter{k + 1}": w for k, w in enumerate(labels)}
    text.tell(one(rng, world.templates["box-templates"]).fill(**filled, asked=labels[i]))
    text.answer(objects[i])


def needle(
    world: World,
    rng: np.random.Generator,
    text: Text,
    held: bool,
    room: int = 96,
    needles: int | None = None,
    left_out: float = 0.0,
) -> None:
    """Facts about people, passages of prose, and one of the facts again.

    Args:
        world: the lists.
        rng: draws.
        text: to write into.
        held: whether name and noun are never trained on together.
        room: words that there is place for.
        needles: facts; one to three if not given.
        left_out: how often names stand nearer to their nouns, see ``shortened``.
    """
    count = needles or int(rng.integers(1, MOST_NEEDLES + 1))
    template = one(rng, world.templates["needle-templates"])
    while True:
        told = list(
            zip(
                some(rng, world.words["names"], count),
                some(rng, world.words["nouns"], count),
                strict=True,
            )
        )
        new = [pair for pair in told if held_out("needle", *pair)]
        if len(new) == held:
            break
    name, noun = new[0] if held else one(rng, told)
    question = template.fill(name=name)
    passages = world.held_out_passages if held else world.training_passages
    hay = [word for p in some(rng, passages, 4) for word in split_words(p)]
    space = max(SHORTEST_NEEDLE, room - (count + 1) * (len(question) + 2))
    hay = hay[: int(rng.integers(SHORTEST_NEEDLE, space + 1)) if not held else space]
    stops = [0, *(i + 1 for i, word in enumerate(hay[: len(hay) // 2]) if word == ".")]
    cuts = sorted(one(rng, stops) if count > 1 else 0 for _ in told)
    start = 0
    for (who, what), cut in zip(told, cuts, strict=True):
        told_words = shortened(rng, left_out, template.fill(name=who), who)
        text.tell([*hay[start:cut], *told_words, what, "."])
        start = cut
    question = shortened(rng, left_out, question, name)
    text.tell([*hay[start:], *([] if hay[-1] == "." else ["."]), *question])
    text.answer(noun)


def choice_of_colour(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """A colour that is stated, and the letter that stands before it among four."""
    template = next(t for t in world.templates["choice-templates"] if "colour" in t.slots)
    while True:
        thing, colours = one(rng, world.words["objects"]), some(rng, world.words["colours"], 4)
        if held_out("choice", thing, colours[0]) is held:
            break
    _choice(rng, text, template, colours, object=thing, colour=colours[0])


def choice_of_capital(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """A capital that is known, and the letter that stands before it among four."""
    template = next(t for t in world.templates["choice-templates"] if "country" in t.slots)
    while True:
        drawn = some(rng, world.pairs["capitals"], 4)
        if held_out("choice", *drawn[0]) is held:
            break
    _choice(rng, text, template, [city for _, city in drawn], country=drawn[0][0])


def _choice(
    rng: np.random.Generator, text: Text, template: Template, options: list[str], **slots: str
) -> None:
    order = [int(i) for i in rng.permutation(4)]
    placed = dict(zip("abcd", (options[i] for i in order), strict=True))
    text.tell(template.fill(**placed, **slots))
    text.answer("ABCD"[order.index(0)])


def acronym(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """A name of three words, and their first letters."""
    while True:
        words = some(rng, world.words["acronym-words"], 3)
        if held_out("acronym", *words) is held:
            break
    first, second, third = words
    text.tell(
        one(rng, world.templates["acronym-templates"]).fill(
            first=first, second=second, third=third, name=one(rng, world.words["names"])
        )
    )
    text.answer(first[0], "")
    text.answer(JOINED + second[0], "")
    text.answer(JOINED + third[0], ")")


def closed_list(world: World, rng: np.random.Generator, text: Text, held: bool) -> None:
    """All members of a group but one, and that one: none that has been named may come again."""
    while True:
        group = one(rng, LIST_IDS)
        members = some(rng, world.group(group), len(world.group(group)))
        if held_out("list", group, *members) is held:
            break
    text.tell(
        one(rng, world.templates["list-templates"]).fill(
            group=group, name=one(rng, world.words["names"]), list=", ".join(members[:-1])
        )
    )
    text.answer(members[-1])
