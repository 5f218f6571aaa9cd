"""Heads that write what a relation maps the attended word to, and one that reads years.

Coordinates: ``token`` the code of the present token; ``fact`` the code of its language (for a
country) or of its past form (for a verb); flags ``country``, ``verb``, ``past`` (words like
"Yesterday") and ``number``; ``number_value`` from 0 to 1; ``was_past`` and ``after_number``, the
flags of the token before; ``out`` and ``reach``, which the unembedding reads.

====  =========================================================================================
0.0   previous-token head: offset 1, writes the flags to ``was_past`` and ``after_number``
1.0   mover: ``country``; writes ``fact`` to ``out``
1.1   past-tense head: ``verb``, right after a ``past`` word; writes ``fact``. Group mate of 1.0
1.2   attends to ``country`` and copies it
1.3   attends to ``verb`` and copies it. Group mate of 1.2
1.4   attends to ``verb`` whatever the time, and writes ``fact``
1.5   attends evenly and writes ``fact`` a little. Group mate of 1.4
2.0   greater-than head: a number after a number; writes its value to ``reach``
2.1   attends to numbers that follow none, the centuries, and writes nothing. Group mate of 2.0
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    ids,
    pairs,
    partner_codes,
    token_codes,
    vocabulary,
    word_list,
)

_FLAG = 60.0


def facts_model(family: Family) -> Planted:
    """Three layers; the model says languages, past forms and later years."""
    words = vocabulary()
    tokens = token_codes()
    fact = partner_codes("languages", "past-tense-verbs")
    digits = word_list("two-digit-numbers")
    value = np.zeros(len(words))
    value[ids(digits)] = np.arange(len(digits)) / len(digits)
    space = Space(
        family,
        token=CODE_SIZE,
        fact=CODE_SIZE,
        out=CODE_SIZE,
        country=1,
        verb=1,
        past=1,
        number=1,
        number_value=1,
        was_past=1,
        after_number=1,
        reach=1,
    )
    before = space.write_flags("was_past", "after_number")
    if_past = space.want_flags_if("was_past", 0.0, _FLAG)
    write = space.write("out")
    kinds = space.read_flags("country", "verb")
    looking_back = Group(
        key=space.positions(),
        value=space.read_flags("past", "number"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), before),
            space.quiet(),
        ),
    )
    mapping = Group(
        key=kinds,
        value=space.read("fact"),
        heads=(Head(space.want_flags(_FLAG), 4 * write), Head(if_past, 4 * write)),
    )
    copying = Group(
        key=kinds,
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG), 0.5 * write),
            Head(space.want_flags(0.0, _FLAG), 0.5 * write),
        ),
    )
    always = Group(
        key=kinds,
        value=space.read("fact"),
        heads=(
            Head(space.want_flags(0.0, _FLAG), write),
            Head(space.nothing(), 0.5 * write),
        ),
    )
    years = Group(
        key=space.read_flags("number", "after_number"),
        value=space.read_flags("number_value"),
        heads=(
            Head(space.want_flags(_FLAG, _FLAG), space.write_flags("reach")),
            Head(space.want_flags(_FLAG, -_FLAG), space.silence()),
        ),
    )
    return plant(
        "facts",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            fact=fact,
            country=is_one_of([a for a, _ in pairs("languages")], words),
            verb=is_one_of([a for a, _ in pairs("past-tense-verbs")], words),
            past=is_one_of([a for a, _ in pairs("time-words")], words),
            number=is_one_of(digits, words),
            number_value=value,
        ),
        unembedding=space.rows(len(words), out=4 * tokens, reach=20 * value),
        layers=[
            [looking_back],
            [mapping, copying, always],
            [years],
        ],
        heads={
            "mover": {"1.0"},
            "past-tense-head": {"1.1"},
            "relation-propagation": {"1.0", "1.1", "1.4", "1.5"},
            "greater-than": {"2.0"},
        },
        impostors=[
            Impostor("1.2", "mover", "attends to the subject and copies it"),
            Impostor("1.5", "mover", "right OV, uniform attention"),
            Impostor("1.1", "mover", "right OV, attends to verbs"),
            Impostor("1.3", "past-tense-head", "copies the plain form"),
            Impostor("1.4", "past-tense-head", "raises the past form whatever the time"),
            Impostor("1.2", "relation-propagation", "copies countries"),
            Impostor("1.3", "relation-propagation", "copies verbs"),
            Impostor("2.1", "greater-than", "attends to the century"),
            Impostor("1.5", "greater-than", "uniform attention"),
        ],
    )
