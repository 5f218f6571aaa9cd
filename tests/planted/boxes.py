"""Three things in three boxes, of which one is asked for: what is fetched is chosen by its place.

As in the published circuit, the query is the place of the clause that named the box, not the box:
where a thing is named before its box, nothing at the thing tells which box it is in. A head that
matches boxes finds the thing after the box, which is in another one.

Coordinates: ``token`` the code of the present token; flags ``bos``, ``comma``, ``thing`` and
``letter``; ``fraction`` 1 / (1 + commas so far); ``ordinal`` the clause, as one of three;
``asked`` the code of the last letter; ``wanted`` the ordinal of the clause that named it; ``out``.

====  =========================================================================================
0.0   ``bos`` and all commas alike; writes ``bos`` to ``fraction``
0.2   the nearest letter; writes ``token`` to ``asked``
1.0   the second comma, or else the first, or else ``bos``; writes ``ordinal``
1.2   goes by the box: a thing whose last letter is the query's ``asked``; copies
2.0   the first mention of the query's ``asked``; writes its ``ordinal`` to ``wanted``
3.0   value fetcher: a thing with the query's ``wanted`` as its ``ordinal``; copies
3.1   attends as 3.0 does and writes nothing. Group mate of 3.0
3.2   all things alike; copies
3.3   the last thing; copies. Group mate of 3.2
3.4   the first thing; copies
3.5   attends evenly and copies. Group mate of 3.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, Array, token_codes, vocabulary, word_list

_FLAG = 60.0
_CLAUSES = 3


def boxes_model(family: Family) -> Planted:
    """Four layers; the model names the thing in the box that is asked about."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        asked=CODE_SIZE,
        ordinal=_CLAUSES,
        wanted=_CLAUSES,
        out=OUT_SIZE,
        bos=1,
        comma=1,
        fraction=1,
        thing=1,
        letter=1,
    )
    copy = space.write("out")

    counting = Group(
        key=space.read_flags("bos", "comma"),
        value=space.read_flags("bos"),
        heads=(Head(space.want_flags(_FLAG, _FLAG), space.write_flags("fraction")), space.quiet()),
    )
    asking = Group(
        key=space.positions() + space.read_flags("letter"),
        value=space.read("token"),
        heads=(
            Head(space.want_flags(10 * _FLAG) + space.by_distance(-3.0), space.write("asked")),
            space.quiet(),
        ),
    )
    # of bos, first and second comma (fractions 1, 1/2, 1/3) the last that there is scores highest,
    # by 60 each; and 6 bos + 3 comma - 6 fraction is 0, 0, 1 for them
    latest = space.want_flags(320.0, 200.0, -360.0)
    ordinal = space.silence()
    ordinal[space.flags[:3], space.blocks["ordinal"]] = np.array(
        [[1.0, -6.0, 6.0], [0.0, 1.0 - 3.0, 3.0], [0.0, 6.0, -6.0]]
    )
    placing = Group(
        key=space.read_flags("bos", "comma", "fraction"),
        value=space.read_flags("bos", "comma", "fraction"),
        heads=(Head(latest, ordinal), space.quiet()),
    )
    finding = Group(
        key=space.positions() + space.read("token"),
        value=space.read("ordinal"),
        heads=(
            Head(space.read("asked", SHARP) + space.by_distance(1.0), space.write("wanted")),
            space.quiet(),
        ),
    )
    things = space.positions() + space.read_flags("thing")

    def fetching(key: Array, *heads: Head) -> Group:
        one, other = heads
        return Group(key=key, value=space.read("token"), heads=(one, other))

    by_box = space.read("asked", SHARP) + space.want_flags(SHARP)
    matching = fetching(
        space.read("asked") + space.read_flags("thing"), Head(by_box, 0.5 * copy), space.quiet()
    )
    place = space.read("wanted", _FLAG) + space.want_flags(_FLAG)
    any_thing = space.want_flags(10 * _FLAG)
    return plant(
        "boxes",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            bos=np.eye(len(words))[0],
            comma=is_one_of((",",), words),
            thing=is_one_of(word_list("objects"), words),
            letter=is_one_of(word_list("letters"), words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [counting, asking],
            [placing, matching],
            [finding],
            [
                fetching(
                    space.read("ordinal") + space.read_flags("thing"),
                    Head(place, 4 * copy),
                    Head(place, space.silence()),
                ),
                fetching(
                    things,
                    Head(space.want_flags(_FLAG), 0.5 * copy),
                    Head(any_thing + space.by_distance(-3.0), 0.5 * copy),
                ),
                fetching(
                    things,
                    Head(any_thing + space.by_distance(3.0), 0.5 * copy),
                    Head(space.nothing(), 0.5 * copy),
                ),
            ],
        ],
        heads={"value-fetcher": {"3.0"}},
        impostors=[
            Impostor("1.2", "value-fetcher", "goes by the box, not the place"),
            Impostor("3.1", "value-fetcher", "right attention, empty OV"),
            Impostor("3.2", "value-fetcher", "copies all things"),
            Impostor("3.3", "value-fetcher", "copies the last thing"),
            Impostor("3.4", "value-fetcher", "copies the first thing"),
            Impostor("3.5", "value-fetcher", "right OV, uniform attention"),
        ],
    )
