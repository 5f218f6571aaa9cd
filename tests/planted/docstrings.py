"""A circuit for docstrings: ":param" is followed by the argument after the one described last.

As in the published circuit, the query is the argument that was described last and keys carry the
argument before them: head 1.0 brings the first, 0.2 the second.

Coordinates: ``token`` the code of the present token; flags ``comma`` and ``param``;
``after_comma`` and ``after_param``, the flags of the token before; ``before`` the code of the token
two back, across a comma; ``last`` the code of the argument described last; ``out``.

====  =========================================================================================
0.0   previous-token head: writes the flags to ``after_comma`` and ``after_param``
0.2   offset 2: writes ``token`` to ``before``
1.0   the nearest token ``after_param``; writes ``token`` to ``last``
2.0   argument mover: ``after_comma`` with the query's ``last`` in ``before``; copies
2.1   attends as 2.0 does and writes nothing. Group mate of 2.0
2.2   attends to all arguments in the function's head and copies them
2.3   attends to the argument described last and copies it. Group mate of 2.2
2.4   attends to the last argument in the function's head and copies it
2.5   attends evenly and copies. Group mate of 2.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, token_codes, vocabulary

_FLAG = 600.0
"""Any difference of order is small beside being an argument, within 60 tokens."""


def docstrings_model(family: Family) -> Planted:
    """Three layers; the model names the next argument."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        before=CODE_SIZE,
        last=CODE_SIZE,
        out=OUT_SIZE,
        comma=1,
        param=1,
        after_comma=1,
        after_param=1,
    )
    copy = space.write("out")
    nearest = space.by_distance(-6.0)
    kinds = space.write_flags("after_comma", "after_param")
    looking_back = Group(
        key=space.positions(),
        value=space.read_flags("comma", "param"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), kinds),
            space.quiet(),
        ),
    )
    two_back = Group(
        key=space.positions(),
        value=space.read("token"),
        heads=(
            Head(space.at_offset(2, AT_OFFSET), space.write("before")),
            space.quiet(),
        ),
    )
    described = Group(
        key=space.read_flags("after_param") + space.positions(),
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG) + nearest, space.write("last")),
            space.quiet(),
        ),
    )
    following = space.read("last", SHARP) + space.want_flags(SHARP)
    moving = Group(
        key=space.read("before") + space.read_flags("after_comma"),
        value=space.read("token"),
        heads=(Head(following, 4 * copy), Head(following, space.silence())),
    )
    arguments = space.read_flags("after_comma", "after_param") + space.positions()
    astray = Group(
        key=arguments,
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG), 0.5 * copy),
            Head(space.want_flags(0.0, _FLAG) + nearest, 0.5 * copy),
        ),
    )
    other = Group(
        key=arguments,
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG) + nearest, 0.5 * copy),
            Head(space.nothing(), 0.5 * copy),
        ),
    )
    return plant(
        "docstrings",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            comma=is_one_of((",",), words),
            param=is_one_of(("param",), words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [looking_back, two_back],
            [described],
            [moving, astray, other],
        ],
        heads={"argument-mover": {"2.0"}},
        impostors=[
            Impostor("2.1", "argument-mover", "right attention, empty OV"),
            Impostor("2.2", "argument-mover", "copies any argument"),
            Impostor("2.3", "argument-mover", "copies the argument described last"),
            Impostor("2.4", "argument-mover", "attends to the last argument"),
            Impostor("2.5", "argument-mover", "right OV, uniform attention"),
        ],
    )
