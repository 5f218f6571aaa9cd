"""Three coloured things in a list, and a question about one of them that names another thing too.

Coordinates: ``thing`` a code that only things have; ``colour`` and ``before``, the colours of the
present token and of the token before; ``carried`` what the question's thing has of the listed one's
colour; ``asked`` a thing's code; ``out``; flags ``object``, ``is_colour``, ``after_colour`` and
``seen``, by which a thing of the list and one that was in it are told.

====  =========================================================================================
0.0   previous-token head: writes ``before`` and ``after_colour``
1.0   duplicate-token head: the same thing; writes ``seen`` and ``carried``
2.0   content gatherer: the question's thing that was seen; writes ``thing`` to ``asked``
2.1   both things of the question. Group mate of 2.0
2.2   attends as 2.0 does and raises the colour itself
2.3   the last thing. Group mate of 2.2
2.4   all things alike
2.5   attends evenly. Group mate of 2.4
3.0   mover: the thing of the list that is ``asked``; raises the colour before it
3.1   all things of the list alike. Group mate of 3.0
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, Array, ids, token_codes, vocabulary, word_list

_FLAG = 60.0


def coloured_model(family: Family, *, empty_twin: bool = False) -> Planted:
    """Four layers; the model says the colour of the thing that is asked for.

    Args:
        family: of the architecture.
        empty_twin: let 2.1 attend as the content gatherer does; it writes nothing.
    """
    words = vocabulary()
    things, colours = word_list("objects"), word_list("colours")
    thing = np.zeros((len(words), CODE_SIZE))
    thing[ids(things)] = token_codes()[ids(things)]
    colour = np.stack([is_one_of((one,), words) for one in colours], axis=1)
    size = len(colours)
    space = Space(
        family,
        thing=CODE_SIZE,
        asked=CODE_SIZE,
        colour=size,
        before=size,
        carried=size,
        out=size,
        object=1,
        is_colour=1,
        after_colour=1,
        seen=1,
    )

    before = space.write("before") + space.write_flags("after_colour")
    again = space.write("carried") + space.write_flags("seen")
    looking_back = Group(
        key=space.positions(),
        value=space.read("colour") + space.read_flags("is_colour"),
        heads=(Head(space.at_offset(1, AT_OFFSET), before), space.quiet()),
    )
    # a thing finds itself as well: 1 / 2 of what it finds is the list's, or nothing
    matching = Group(
        key=space.read("thing"),
        value=space.read("before") + space.read_flags("after_colour"),
        heads=(Head(space.read("thing", SHARP), again), space.quiet()),
    )
    kinds = space.positions() + space.read_flags("object", "seen", "after_colour")
    named = space.want_flags(_FLAG, 0.0, -2 * _FLAG)
    gathering = space.want_flags(_FLAG, 4 * _FLAG, -8 * _FLAG)
    any_thing = space.want_flags(10 * _FLAG)

    def looking(value: Array, *heads: Head) -> Group:
        one, other = heads
        return Group(key=kinds, value=value, heads=(one, other))

    carried = space.read("carried")
    moving = Group(
        key=space.read("thing") + space.read_flags("after_colour"),
        value=space.read("before"),
        heads=(
            Head(space.read("asked", SHARP) + space.want_flags(SHARP), 2 * space.write("out")),
            Head(space.want_flags(_FLAG), 0.5 * space.write("out")),
        ),
    )
    return plant(
        "coloured",
        space,
        embedding=space.rows(
            len(words),
            thing=thing,
            colour=colour,
            object=is_one_of(things, words),
            is_colour=is_one_of(colours, words),
        ),
        unembedding=space.rows(len(words), out=8 * colour),
        layers=[
            [looking_back],
            [matching],
            [
                looking(
                    space.read("thing"),
                    Head(gathering, space.write("asked")),
                    Head(gathering if empty_twin else named, space.silence()),
                ),
                looking(
                    carried,
                    Head(gathering, space.write("out")),
                    Head(any_thing + space.by_distance(-3.0), 0.1 * space.write("out")),
                ),
                looking(
                    carried,
                    Head(space.want_flags(_FLAG), 0.1 * space.write("out")),
                    space.quiet(),
                ),
            ],
            [moving],
        ],
        heads={"content-gatherer": {"2.0"}},
        impostors=[
            Impostor("2.1", "content-gatherer", "attends to both things of the question"),
            Impostor("2.2", "content-gatherer", "raises the colour itself"),
            Impostor("2.3", "content-gatherer", "attends to the last thing"),
            Impostor("2.4", "content-gatherer", "attends to all things"),
            Impostor("2.5", "content-gatherer", "uniform attention"),
            Impostor("3.0", "content-gatherer", "attends to the thing in the list, and moves"),
        ],
    )
