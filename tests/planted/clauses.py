"""Heads that look for words of one kind: questions, commands, marks, members of a class, answers.

Coordinates: ``token`` the code of the present token; a flag for each kind of word (``question``,
``clause`` for words that start a clause and ask nothing, ``colon``, ``command``, ``apostrophe``,
``bos``, ``month``, ``day``, ``noun``, ``place``); ``subject`` the code of the last noun; ``out``.

====  =========================================================================================
0.0   interrogation head: ``question``
0.1   ``question`` and ``clause`` alike. Group mate of 0.0
0.2   important head: the nearest ``command``
0.3   apostrophe head: the token before if it is an apostrophe, else ``bos``. Group mate of 0.2
0.4   forerunner head: the nearest ``colon``
0.5   all colons alike. Group mate of 0.4
1.0   detection head: from a month to other months
1.1   months from anywhere. Group mate of 1.0
1.2   self-suppressing head: from a day to other days, not to its copies or itself
1.3   from a day to all days. Group mate of 1.2
1.4   the first ``command``
1.5   previous-token head. Group mate of 1.4
2.0   the nearest ``noun``; writes its code to ``subject``
3.0   query-focused head: the place with the query's ``subject``
3.1   any place. Group mate of 3.0
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    OUT_SIZE,
    pairs,
    token_codes,
    vocabulary,
    word_list,
)

_FLAG = 60.0
_COMMANDS = ("say", "repeat", "write", "print", "output")


def clauses_model(family: Family) -> Planted:
    """Four layers of heads that are told apart by the kind of word they look for."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        subject=CODE_SIZE,
        out=OUT_SIZE,
        question=1,
        clause=1,
        colon=1,
        command=1,
        apostrophe=1,
        bos=1,
        month=1,
        day=1,
        noun=1,
        place=1,
    )
    token, here = space.read("token"), space.positions()
    copy = space.write("out", 0.1)
    nearest, first = space.by_distance(-3.0), space.by_distance(3.0)

    asking = Group(
        key=space.read_flags("question", "clause"),
        value=token,
        heads=(Head(space.want_flags(_FLAG), copy), Head(space.want_flags(_FLAG, _FLAG), copy)),
    )
    commanding = Group(
        key=here + space.read_flags("command", "apostrophe", "bos"),
        value=token,
        heads=(
            Head(space.want_flags(10 * _FLAG) + nearest, copy),
            Head(space.want_flags(0.0, 170.0, 170.0) + space.at_offset(1, AT_OFFSET), copy),
        ),
    )
    colons = Group(
        key=here + space.read_flags("colon"),
        value=token,
        heads=(
            Head(space.want_flags(10 * _FLAG) + nearest, copy),
            Head(space.want_flags(_FLAG), copy),
        ),
    )
    months = Group(
        key=here + space.read_flags("month"),
        value=token,
        heads=(
            Head(space.want_flags_if("month", 20 * _FLAG) + space.at_offset(0, -100.0), copy),
            Head(space.want_flags(_FLAG), copy),
        ),
    )
    days = Group(
        key=token + space.read_flags("day"),
        value=token,
        heads=(
            Head(space.want_flags_if("day", 300.0) + space.read("token", -2 * SHARP), copy),
            Head(space.want_flags_if("day", 300.0), copy),
        ),
    )
    other = Group(
        key=here + space.read_flags("command"),
        value=token,
        heads=(
            Head(space.want_flags(10 * _FLAG) + first, copy),
            Head(space.at_offset(1, AT_OFFSET), copy),
        ),
    )
    binding = Group(
        key=here + space.read_flags("noun"),
        value=token,
        heads=(
            Head(space.want_flags(10 * _FLAG) + nearest, space.write("subject")),
            space.quiet(),
        ),
    )
    answering = Group(
        key=space.read("subject") + space.read_flags("place"),
        value=token,
        heads=(
            Head(space.read("subject", SHARP) + space.want_flags(SHARP), copy),
            Head(space.want_flags(SHARP), copy),
        ),
    )
    firsts, seconds = zip(*pairs("question-words"), strict=True)
    return plant(
        "clauses",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            question=is_one_of(firsts, words),
            clause=is_one_of(seconds, words),
            colon=is_one_of((":",), words),
            command=is_one_of(_COMMANDS, words),
            apostrophe=is_one_of([a for a, _ in pairs("apostrophe-marks")], words),
            bos=np.eye(len(words))[0],
            month=is_one_of(word_list("months"), words),
            day=is_one_of(word_list("days"), words),
            noun=is_one_of(word_list("nouns"), words),
            place=is_one_of(word_list("places"), words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [asking, commanding, colons],
            [months, days, other],
            [binding],
            [answering],
        ],
        heads={
            "interrogation-head": {"0.0"},
            "important-head": {"0.2"},
            "apostrophe-head": {"0.3"},
            "forerunner-head": {"0.4"},
            "detection-head": {"1.0"},
            "self-suppressing-similar-token": {"1.2"},
            "qr-head": {"3.0"},
        },
        impostors=[
            Impostor("0.1", "interrogation-head", "any word that starts the clause"),
            Impostor("1.5", "interrogation-head", "previous-token head"),
            Impostor("1.4", "important-head", "keeps to the first command, injected or not"),
            Impostor("1.5", "important-head", "previous-token head"),
            Impostor("1.5", "apostrophe-head", "previous-token head"),
            Impostor("0.5", "apostrophe-head", "attends to colons"),
            Impostor("0.5", "forerunner-head", "all colons alike"),
            Impostor("1.5", "forerunner-head", "previous-token head"),
            Impostor("1.1", "detection-head", "attends to months from anywhere"),
            Impostor("1.5", "detection-head", "previous-token head"),
            Impostor("1.3", "self-suppressing-similar-token", "all of the class, copies too"),
            Impostor("1.0", "self-suppressing-similar-token", "members of another class"),
            Impostor("3.1", "qr-head", "any place, asked for or not"),
            Impostor("2.0", "qr-head", "the last thing named"),
        ],
    )
