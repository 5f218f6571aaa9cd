"""Sentences with slots: what is filled in and which slots are roles is data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catalog.schema.templates import Fill, Templates
from catalog.schema.vocabulary import Template, Vocabulary
from verify.prompts import CannotBuild, Prompt, PromptSet
from verify.words import Words

_MOST_TRIES = 30
_SLOT = re.compile(r"\{(?P<name>[A-Za-z][A-Za-z0-9_]*)(?:\|(?P<literal>[^{}]*))?\}")
_FEW_TEMPLATES = 8
"""With fewer, the templates are a fixed set, no sample of sentences: prompts are the units."""


def templates(parameters: Templates, words: Words) -> PromptSet:
    """Every template in turn, its slots filled with words that are one token each.

    A row of a word list is drawn at random and different rows share no word; words that are not
    one token are left out, and so is a prompt in which a filled slot is not one token where it
    stands or an answer is not the one next token. Where a fill says ``split``, only words with an
    unknown piece are. Variant ``corrupted`` (if ``corrupt`` is given) has the same template and
    rows, but for the slots that it fills otherwise; both are as long as each other, and roles lie
    at the same positions.

    Roles: ``end``, the last token, and each of ``roles``: all tokens of its slots as a key (of a
    split word the first), the last token of each slot as a query, and ``earlier-ROLE`` what of
    them lies before the query. Candidates for the answer are the words of their list that would be
    one next token. A role of which a template has no slot is empty there. Templates
    are the clusters, or each prompt its own where a list has fewer than eight.

    Raises:
        CannotBuild: if a list has too few one-token words, or more than half of the prompts could
            not be made.
    """
    random = np.random.default_rng(parameters.seed)
    listed = words.vocabularies[parameters.templates].templates or ()
    tables = {
        name: _Table(words.vocabularies[name], sides, _split_sides(parameters, name), words)
        for name, sides in _sides(parameters).items()
    }
    clean: list[Prompt] = []
    corrupted: list[Prompt] = []
    left_out = 0
    for index in range(parameters.count):
        template = listed[index % len(listed)]
        cluster = index % len(listed) if len(listed) >= _FEW_TEMPLATES else index
        for _ in range(_MOST_TRIES):
            rows = _rows(random, parameters, tables)
            made = _both(words, parameters, template, rows, cluster)
            if made is not None:
                clean.append(made[0])
                corrupted.append(made[1])
                break
        else:
            left_out += 1
    if len(clean) < max(2, parameters.count // 2):
        raise CannotBuild(
            f"{left_out} of {parameters.count} prompts could not be made: words or answers split"
        )
    variants = {"clean": tuple(clean)}
    if parameters.corrupt:
        variants["corrupted"] = tuple(corrupted)
    return PromptSet(
        variants,
        single_token_share=sum(len(t.items) for t in tables.values())
        / sum(t.listed for t in tables.values()),
        unknown_share=words.unknown_share([prompt.ids for prompt in clean]),
        left_out=left_out,
    )


class _Table:
    """A word list as rows, each a mapping from side to word; only rows of usable words.

    Those of the sides ``split`` are known to the tokenizer, those of all others are one token.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        sides: set[str | None],
        split: set[str | None],
        words: Words,
    ) -> None:
        rows: list[dict[str | None, str]] = (
            [{"first": a, "second": b} for a, b in vocabulary.pairs]
            if vocabulary.pairs is not None
            else [{None: word, "initial": word[0]} for word in vocabulary.words or ()]
        )
        self.name = vocabulary.id
        self.listed = len(rows)
        self.items = [
            row
            for row in rows
            if all(words.token(row[side]) is not None for side in sides - {"initial"} - split)
            and all(words.is_known(row[side]) for side in split)
        ]
        self._distinct = sides | ({"first", "second"} if vocabulary.pairs is not None else {None})

    def draw(
        self, random: np.random.Generator, count: int, ascending: bool
    ) -> list[dict[str | None, str]]:
        """``count`` rows that share no word on any side.

        Raises:
            CannotBuild: if there are not so many.
        """
        chosen: list[int] = []
        for index in random.permutation(len(self.items)):
            row = self.items[int(index)]
            taken = {self.items[i][side] for i in chosen for side in self._distinct}
            if taken.isdisjoint(row[side] for side in self._distinct):
                chosen.append(int(index))
            if len(chosen) == count:
                return [self.items[i] for i in (sorted(chosen) if ascending else chosen)]
        raise CannotBuild(
            f"list '{self.name}': {len(self.items)} of {self.listed} words are one token,"
            f" too few for {count} different ones"
        )


def _sides(parameters: Templates) -> dict[str, set[str | None]]:
    """Which sides of each list are written."""
    sides: dict[str, set[str | None]] = {}
    for fills in (parameters.fills(), parameters.corrupted_fills()):
        for how in fills.values():
            sides.setdefault(how.words, set()).add(how.side)
    for of in sides.values():
        if of == {"initial"}:
            of.add(None)
    return sides


def _split_sides(parameters: Templates, name: str) -> set[str | None]:
    """Sides of a list of which every slot takes words of several tokens."""
    fills = (*parameters.fills().values(), *parameters.corrupted_fills().values())
    of_list = [how for how in fills if how.words == name and how.side != "initial"]
    sides: set[str | None] = {how.side for how in of_list}
    return sides - {how.side for how in of_list if not how.split}


_Rows = Mapping[tuple[str, str], Mapping[str | None, str]]


def _rows(
    random: np.random.Generator, parameters: Templates, tables: Mapping[str, _Table]
) -> _Rows:
    """A word or pair for every (list, row) that some slot reads."""
    wanted: dict[str, dict[str, None]] = {}
    fills = parameters.fills()
    for slot in parameters.ascending:  # in their order, before any other row
        wanted.setdefault(fills[slot].words, {})[fills[slot].row_of(slot)] = None
    ordered = {name: list(rows) for name, rows in wanted.items()}
    for some in (fills, parameters.corrupted_fills()):
        for slot, how in some.items():
            wanted.setdefault(how.words, {})[how.row_of(slot)] = None
    drawn: dict[tuple[str, str], Mapping[str | None, str]] = {}
    for name, rows in wanted.items():
        first = ordered.get(name, [])
        made = tables[name].draw(random, len(rows), ascending=bool(first))
        if first and len(rows) > len(first):
            # the ordered rows are any of those drawn, still in order
            picked = sorted(random.permutation(len(rows))[: len(first)].tolist())
            rest = [one for i, one in enumerate(made) if i not in picked]
            made = [*(made[i] for i in picked), *rest]
        drawn.update({(name, row): one for row, one in zip(rows, made, strict=True)})
    return drawn


def _both(
    words: Words,
    parameters: Templates,
    template: Template,
    rows: _Rows,
    cluster: int,
) -> tuple[Prompt, Prompt] | None:
    clean = _words(parameters.fills(), rows)
    other = _words(parameters.corrupted_fills(), rows)
    if len({*clean.values()}) < len({_place(parameters, slot) for slot in clean}):
        return None  # one word for two rows: lists overlap
    answers = {role: clean[slot] for role, slot in parameters.answers_from.items()}
    first = _fill(words, parameters, template, clean, answers, cluster)
    if other == clean:
        return None if first is None else (first, first)
    made = (first, _fill(words, parameters, template, other, answers, cluster))
    if made[0] is None or made[1] is None or len(made[0].ids) != len(made[1].ids):
        return None
    if made[0].places != made[1].places:
        return None  # words that are split otherwise, as many tokens as they are together
    return made[0], made[1]


def _place(parameters: Templates, slot: str) -> tuple[str, str, str | None]:
    how = parameters.fills()[slot]
    return how.words, how.row_of(slot), how.side


def _words(fills: Mapping[str, Fill], rows: _Rows) -> dict[str, str]:
    return {slot: rows[how.words, how.row_of(slot)][how.side] for slot, how in fills.items()}


@dataclass(frozen=True)
class _Shown:
    """Letters [start, end) of a slot, and whether it was filled or literal."""

    slot: str
    start: int
    end: int
    literal: bool


def _fill(
    words: Words,
    parameters: Templates,
    template: Template,
    filling: Mapping[str, str],
    answers: Mapping[str, str],
    cluster: int,
) -> Prompt | None:
    """One prompt; None if a slot or an answer is not the tokens that it has to be.

    None, too, if fewer than two candidates are one next token.
    """
    text, shown = _write(words, template.text, filling)
    several = {slot for slot, how in parameters.fills().items() if how.split}
    ids, offsets = words.encode_with_spans(text)
    start = len(words.start)
    at: dict[str, list[tuple[int, ...]]] = {}
    for one in shown:
        covering = [i for i, (a, b) in enumerate(offsets) if a < one.end and b > one.start]
        if not covering:
            return None
        whole = text[offsets[covering[0]][0] : offsets[covering[-1]][1]].strip()
        split = one.slot in several
        if not one.literal and (whole != filling[one.slot] or (len(covering) > 1 and not split)):
            return None
        span = tuple(start + i for i in (covering[:1] if split else covering))
        at.setdefault(one.slot, []).append(span)
        at[f"{one.slot}.{len(at[one.slot])}"] = [span]
    tokens = {role: _next(words, parameters, text, ids, word) for role, word in answers.items()}
    if None in tokens.values() or len(set(tokens.values())) < len(tokens):
        return None
    candidates = None
    if parameters.candidates is not None:
        listed = words.vocabularies[parameters.candidates].words or ()
        others = [_next(words, parameters, text, ids, word) for word in listed]
        candidates = tuple(dict.fromkeys(token for token in others if token is not None))
        if len(candidates) < 2:  # nothing to be wrong with
            return None
    queries, places, relations = _roles(parameters, at)
    end = start + len(ids) - 1
    every = {"end": (end,), **queries}
    return Prompt(
        ids=(*words.start, *ids),
        queries=every,
        places=places,
        relations={
            f"earlier-{role}": {
                query: tuple(key for key in places[role] if key < query)
                for marked in every.values()
                for query in marked
            }
            for role in relations
        },
        answers={role: token for role, token in tokens.items() if token is not None},
        candidates=candidates,
        cluster=cluster,
    )


def _write(words: Words, template: str, filling: Mapping[str, str]) -> tuple[str, list[_Shown]]:
    """The text, and where the slots lie in it."""
    # as after a space, a word at the start is the same token as elsewhere
    text = words.gap if any(words.spaced(word) for word in filling.values()) else ""
    shown: list[_Shown] = []
    last = 0
    for found in _SLOT.finditer(template):
        text += template[last : found.start()]
        literal = found["literal"]
        word = filling[found["name"]] if literal is None else literal
        shown.append(_Shown(found["name"], len(text), len(text) + len(word), literal is not None))
        text += word
        last = found.end()
    return text + template[last:], shown


def _next(words: Words, parameters: Templates, text: str, ids: list[int], word: str) -> int | None:
    """The token that continues the text with a word; None if it is not one token."""
    longer = words.encode(f"{text}{'' if parameters.answer_joined else ' '}{word}")
    if longer[:-1] != ids or longer[-1] == words.unknown:
        return None
    return longer[-1]


def _roles(
    parameters: Templates, at: Mapping[str, list[tuple[int, ...]]]
) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]], tuple[str, ...]]:
    queries: dict[str, tuple[int, ...]] = {}
    places: dict[str, tuple[int, ...]] = {}
    for role, slots in parameters.roles.items():
        found = sorted(span for slot in slots for span in at.get(slot, ()))
        queries[role] = tuple(span[-1] for span in found)
        places[role] = tuple(key for span in found for key in span)
    return queries, places, tuple(parameters.roles)
