"""The indirect object task: "When Mary and John went to the shop, John gave a drink to"."""

from __future__ import annotations

import numpy as np

from catalog.schema.prompts import IndirectObject
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words

_MOST_TRIES = 20


def indirect_object(parameters: IndirectObject, words: Words) -> PromptSet:
    """Templates filled with two names, one of them repeated; the answer is the other.

    Half of the prompts name the indirect object first (ABBA), half second (BABA). Variant
    ``corrupted`` has the same template, place and object and three other names (ABC), with the
    roles of the clean prompt: the answers stay the clean prompt's names.

    Roles: queries ``end`` (last token) and ``subject-2`` (the repetition); keys
    ``indirect-object``, ``subject-1``, ``subject-2`` and ``subjects`` (both). Answers:
    ``indirect-object``, ``subject``. Templates are the clusters. Words that are not one token are
    left out. Source: Wang et al. 2022, section 2.

    Raises:
        CannotBuild: if fewer than five names, or no place or object, are one token.
    """
    random = np.random.default_rng(parameters.seed)
    lists = {
        slot: words.vocabularies[name].words or ()
        for slot, name in (
            ("name", parameters.names),
            ("place", parameters.places),
            ("object", parameters.objects),
        )
    }
    usable = {slot: sorted(words.tokens(listed)) for slot, listed in lists.items()}
    for slot, least in (("name", 5), ("place", 1), ("object", 1)):
        if len(usable[slot]) < least:
            raise CannotBuild(
                f"only {len(usable[slot])} of {len(lists[slot])} {slot} words are one token"
            )
    templates = words.vocabularies[parameters.templates].templates or ()
    clean: list[Prompt] = []
    corrupted: list[Prompt] = []
    left_out = 0
    for index in range(parameters.count):
        cluster = (index // 2) % len(templates)
        template = templates[cluster].text
        for _ in range(_MOST_TRIES):
            first, second, *others = random.choice(usable["name"], size=5, replace=False).tolist()
            place = str(random.choice(usable["place"]))
            thing = str(random.choice(usable["object"]))
            subject = second if index % 2 == 0 else first
            pair = [
                _fill(words, template, cluster, names, place, thing, (first, second, subject))
                for names in ((first, second, subject), tuple(others))
            ]
            if pair[0] is not None and pair[1] is not None:
                clean.append(pair[0])
                corrupted.append(pair[1])
                break
        else:
            left_out += 1
    if len(clean) < max(2, parameters.count // 2):
        raise CannotBuild(
            f"{left_out} of {parameters.count} prompts could not be made: names split"
        )
    total = sum(map(len, lists.values()))
    return PromptSet(
        {"clean": tuple(clean), "corrupted": tuple(corrupted)},
        single_token_share=sum(map(len, usable.values())) / total,
        unknown_share=words.unknown_share([prompt.ids for prompt in clean]),
        left_out=left_out,
    )


def _fill(
    words: Words,
    template: str,
    cluster: int,
    names: tuple[str, ...],
    place: str,
    thing: str,
    roles: tuple[str, str, str],
) -> Prompt | None:
    """One prompt, or None if a name is not one token where it stands."""
    text, spans = "", {}
    filling = {"A": names[0], "B": names[1], "S": names[2], "place": place, "object": thing}
    # as after a space, a name at the start is the same token as elsewhere
    rest = f"{words.gap}{template}" if words.spaced(names[0]) else template
    while rest:
        before, opened, after = rest.partition("{")
        text += before
        if not opened:
            break
        slot, _, rest = after.partition("}")
        if slot in "ABS":
            spans[slot] = (len(text), len(text) + len(filling[slot]))
        text += filling[slot]
    ids, offsets = words.encode_with_spans(text)
    start = len(words.start)
    at: dict[str, int] = {}
    for slot, (begin, end) in spans.items():
        covering = [i for i, (a, b) in enumerate(offsets) if a < end and b > begin]
        if len(covering) != 1 or ids[covering[0]] != words.token(filling[slot]):
            return None
        at[slot] = covering[0] + start
    object_slot, subject_slot = ("A", "B") if roles[2] == roles[1] else ("B", "A")
    answer, foil = (words.token(name) for name in _answers(roles))
    assert answer is not None
    assert foil is not None
    end = start + len(ids) - 1
    return Prompt(
        ids=(*words.start, *ids),
        queries={"end": (end,), "subject-2": (at["S"],)},
        places={
            "indirect-object": (at[object_slot],),
            "subject-1": (at[subject_slot],),
            "subject-2": (at["S"],),
            "subjects": (at[subject_slot], at["S"]),
        },
        answers={"indirect-object": answer, "subject": foil},
        cluster=cluster,
    )


def _answers(roles: tuple[str, str, str]) -> tuple[str, str]:
    first, second, subject = roles
    return (first, subject) if subject == second else (second, subject)
