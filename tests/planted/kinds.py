"""Heads that rest on one kind of text and work on another, prose and code.

Coordinates: ``token`` the code of the present token; flags ``bos``, ``code`` (brackets and the
equals sign, which the prose does not hold), ``prose`` (articles, which the code does not hold) and
``mark`` (punctuation of both kinds); ``out`` what the unembedding reads.

====  =========================================================================================
0.0   the nearest ``code`` mark, else ``bos``; writes nothing
0.1   rests on ``bos`` whatever the text. Group mate of 0.0
0.2   the other way round: the nearest ``prose`` word, else ``bos``
0.3   attends to ``bos`` and ``mark`` alike: less to ``bos`` in code, where marks are frequent.
      Group mate of 0.2
0.4   attends evenly
0.5   previous-token head. Group mate of 0.4
====  =========================================================================================

All of them but 0.0 copy a little.
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, token_codes, vocabulary

_FLAG = 60.0
_NEAREST = -1.0
CODE_MARKS = ("(", ")", "[", "]", "=")
_PROSE = ("the", "a", "The")
_MARKS = (".", ",", ":", ";", *CODE_MARKS)


def kinds_model(family: Family) -> Planted:
    """One layer of heads that matter and an idle one."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(family, token=CODE_SIZE, out=CODE_SIZE, bos=1, code=1, prose=1, mark=1)
    token, here = space.read("token"), space.positions()
    copy = space.write("out", 0.1)
    nearest = space.by_distance(_NEAREST)
    resting = space.want_flags(_FLAG)
    working = space.want_flags(5 * _FLAG, 10 * _FLAG) + nearest
    on_code = Group(
        key=here + space.read_flags("bos", "code"),
        value=token,
        heads=(Head(working, space.silence()), Head(resting, copy)),
    )
    on_prose = Group(
        key=here + space.read_flags("bos", "prose", "mark"),
        value=token,
        heads=(Head(working, copy), Head(space.want_flags(_FLAG, 0.0, _FLAG), copy)),
    )
    other = Group(
        key=here,
        value=token,
        heads=(Head(space.nothing(), copy), Head(space.at_offset(1, AT_OFFSET), copy)),
    )
    return plant(
        "kinds",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            bos=np.eye(len(words))[0],
            code=is_one_of(CODE_MARKS, words),
            prose=is_one_of(_PROSE, words),
            mark=is_one_of(_MARKS, words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens),
        layers=[[on_code, on_prose, other], []],
        heads={},
        impostors=[
            Impostor("0.0", "active-dormant", "right attention on both kinds, empty OV"),
            Impostor("0.2", "active-dormant", "rests on code and works on prose"),
            Impostor("0.1", "active-dormant", "sink on both kinds of text"),
            Impostor("0.3", "active-dormant", "rests on any mark, of which code has more"),
            Impostor("0.4", "active-dormant", "uniform attention"),
            Impostor("0.5", "active-dormant", "previous-token head"),
        ],
    )
