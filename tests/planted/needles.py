"""Two statements hidden in prose, of which one answers the question at the end.

Coordinates: ``token`` the code of the present token; flags ``name`` and ``is``; ``before`` and
``after_name``, code and flag of the token before; ``asked`` the code of the last name; ``out``.

====  =========================================================================================
0.0   previous-token head: writes ``before`` and ``after_name``
0.2   the nearest name; writes ``token`` to ``asked``
1.0   evaluator head: "is" with the query's ``asked`` before it
1.1   "is" after any name. Group mate of 1.0
1.2   the nearest "is" after a name
1.3   the first "is" after a name. Group mate of 1.2
1.4   the nearest name
1.5   attends evenly. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, token_codes, vocabulary, word_list

_FLAG = 600.0
"""Any difference of order is small beside being a statement, within 120 tokens."""


def needles_model(family: Family) -> Planted:
    """Two layers; the heads differ in which statement they attend to."""
    words = vocabulary()
    tokens = token_codes()
    names = is_one_of(word_list("names"), words)
    space = Space(
        family,
        token=CODE_SIZE,
        before=CODE_SIZE,
        asked=CODE_SIZE,
        out=OUT_SIZE,
        name=1,
        **{"is": 1},
        after_name=1,
    )
    before = space.write("before") + space.write_flags("after_name")
    looking_back = Group(
        key=space.positions(),
        value=space.read("token") + space.read_flags("name"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), before),
            space.quiet(),
        ),
    )
    last_name = Group(
        key=space.positions() + space.read_flags("name"),
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG) + space.by_distance(-3.0), space.write("asked")),
            space.quiet(),
        ),
    )
    copy = space.write("out", 0.1)
    statements = space.positions() + space.read("before") + space.read_flags("is", "after_name")
    answering = Group(
        key=statements,
        value=space.read("token"),
        heads=(
            Head(space.read("asked", SHARP) + space.want_flags(SHARP), copy),
            Head(space.want_flags(60.0, 60.0), copy),
        ),
    )
    any_statement = space.want_flags(_FLAG, _FLAG)
    ordered = Group(
        key=statements,
        value=space.read("token"),
        heads=(
            Head(any_statement + space.by_distance(-3.0), copy),
            Head(any_statement + space.by_distance(3.0), copy),
        ),
    )
    other = Group(
        key=space.positions() + space.read_flags("name"),
        value=space.read("token"),
        heads=(
            Head(space.want_flags(_FLAG) + space.by_distance(-3.0), copy),
            Head(space.nothing(), copy),
        ),
    )
    return plant(
        "needles",
        space,
        embedding=space.rows(
            len(words), token=tokens, name=names, **{"is": is_one_of(("is",), words)}
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [looking_back, last_name],
            [answering, ordered, other],
        ],
        heads={"evaluator-head": {"1.0"}},
        impostors=[
            Impostor("1.1", "evaluator-head", "attends to every such statement"),
            Impostor("1.2", "evaluator-head", "attends to the last such statement"),
            Impostor("1.3", "evaluator-head", "attends to the first such statement"),
            Impostor("1.4", "evaluator-head", "attends to the name in the question"),
            Impostor("1.5", "evaluator-head", "uniform attention"),
        ],
    )
