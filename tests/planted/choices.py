"""Multiple choice: the thing's colour is stated, and the letter of the option with it is due.

Coordinates: ``letter`` a code that only letters have, ``colour`` one that only colours have; flags
``a`` to ``d`` for these four letters; ``stated`` the first colour; ``two_back`` the letter two
back, which at an option's colour is its own; ``wanted`` the letter of the right option; ``out``.

====  =========================================================================================
0.0   the first colour; writes ``colour`` to ``stated``
0.2   offset 2: writes ``letter`` to ``two_back``
0.4   single-letter head: B; copies
0.5   single-letter head: C; copies. Group mate of 0.4
1.0   select-and-copy head: the last colour that is ``stated``; writes ``two_back`` to ``wanted``
1.1   the last colour. Group mate of 1.0
1.2   all colours alike
1.3   the first colour. Group mate of 1.2
1.4   A to D alike; writes A, whatever it reads
2.0   correct-letter head: the letter that is ``wanted``; copies
2.1   attends as 2.0 does and writes nothing. Group mate of 2.0
2.2   constant head: A to D alike; copies
2.3   single-letter head: A; copies. Group mate of 2.2
2.4   attends to itself and writes ``wanted``: a correct head that looks at no letter
2.5   attends as 2.2 does and writes nothing. Group mate of 2.4
3.0   the last of A to D; copies
3.1   single-letter head: D; copies. Group mate of 3.0
3.2   A and B; copies
3.3   A and C; copies. Group mate of 3.2
3.4   A and D; copies
3.5   attends evenly and copies. Group mate of 3.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import Array, codes_of, vocabulary, word_list

_FLAG = 60.0
_SIZE = 24


def choices_model(family: Family) -> Planted:
    """Four layers; the model answers with the letter of the right option."""
    words = vocabulary()
    letters, colours = word_list("letters"), word_list("colours")
    letter = codes_of(letters, _SIZE, 0.5, seed=3)
    space = Space(
        family,
        letter=_SIZE,
        two_back=_SIZE,
        wanted=_SIZE,
        out=_SIZE,
        colour=len(colours),
        stated=len(colours),
        a=1,
        b=1,
        c=1,
        d=1,
    )
    first, last = space.by_distance(1.0), space.by_distance(-1.0)

    any_colour = space.want_code(_FLAG * np.ones(len(colours)))
    coloured = space.positions() + space.read("colour")
    stating = Group(
        key=coloured,
        value=space.read("colour"),
        heads=(Head(10 * (any_colour + first), space.write("stated")), space.quiet()),
    )
    back = Group(
        key=space.positions(),
        value=space.read("letter"),
        heads=(Head(space.at_offset(2, AT_OFFSET), space.write("two_back")), space.quiet()),
    )
    selecting = Group(
        key=coloured,
        value=space.read("two_back"),
        heads=(
            Head(space.read("stated", SHARP) + last, space.write("wanted")),
            Head(10 * (any_colour + last), space.silence()),
        ),
    )
    others = Group(
        key=coloured,
        value=space.read("two_back"),
        heads=(
            Head(any_colour, space.silence()),
            Head(10 * (any_colour + first), space.silence()),
        ),
    )
    copy = space.write("out")
    of_options = space.positions() + space.read_flags("a", "b", "c", "d")

    def copying(one: Array, other: Array, first_scale: float = 0.25) -> Group:
        return Group(
            key=of_options,
            value=space.read("letter"),
            heads=(Head(one, first_scale * copy), Head(other, 0.25 * copy)),
        )

    alike = space.want_flags(_FLAG, _FLAG, _FLAG, _FLAG)
    # what all four letters have in common brings A
    options = letter[[words.index(one) for one in "ABCD"]]
    common = np.linalg.lstsq(options, np.ones(4), rcond=None)[0]
    favouring = Group(
        key=of_options,
        value=space.read("letter"),
        heads=(
            Head(alike, space.write("out", 0.25, through=np.outer(common, options[0]))),
            space.quiet(),
        ),
    )

    right = space.read("wanted", SHARP)
    choosing = Group(
        key=space.read("letter"),
        value=space.read("letter"),
        heads=(Head(right, 2 * copy), Head(right, space.silence())),
    )
    only = {one: space.want_flags(*_FLAG * row) for one, row in zip("abcd", np.eye(4), strict=True)}
    knowing = Group(
        key=of_options,
        value=space.read("wanted"),
        heads=(
            Head(space.at_offset(0, AT_OFFSET), copy),
            Head(alike, space.silence()),
        ),
    )
    return plant(
        "choices",
        space,
        embedding=space.rows(
            len(words),
            letter=letter,
            colour=np.stack([is_one_of((colour,), words) for colour in colours], axis=1),
            **{one.lower(): is_one_of((one,), words) for one in word_list("option-letters")},
        ),
        unembedding=space.rows(len(words), out=8 * letter),
        layers=[
            [stating, back, copying(only["b"], only["c"])],
            [selecting, others, favouring],
            [choosing, copying(alike, only["a"], 2.0), knowing],
            [
                copying(10 * (alike + last), only["d"]),
                copying(space.want_flags(_FLAG, _FLAG), space.want_flags(_FLAG, 0.0, _FLAG)),
                copying(space.want_flags(_FLAG, 0.0, 0.0, _FLAG), space.nothing()),
            ],
        ],
        heads={
            "select-and-copy": {"1.0"},
            "correct-letter-head": {"2.0"},
            "correct-head": {"2.0", "2.4"},
            "constant-head": {"2.2"},
            "single-letter-head": {"2.3", "0.4", "0.5", "3.1"},
        },
        impostors=[
            Impostor("1.1", "select-and-copy", "attends to the last option"),
            Impostor("1.2", "select-and-copy", "attends to all options"),
            Impostor("1.3", "select-and-copy", "attends to the colour that is stated"),
            Impostor("2.0", "select-and-copy", "attends to the right letter"),
            Impostor("2.1", "correct-letter-head", "right attention, empty OV"),
            Impostor("2.2", "correct-letter-head", "copies all letters"),
            Impostor("2.3", "correct-letter-head", "copies one letter"),
            Impostor("2.4", "correct-letter-head", "raises the right letter, looks at none"),
            Impostor("1.0", "correct-letter-head", "attends to the right option's text"),
            Impostor("2.1", "correct-head", "attends to the right letter, empty OV"),
            Impostor("2.2", "correct-head", "raises all letters"),
            Impostor("2.3", "correct-head", "raises one letter"),
            Impostor("3.0", "correct-head", "raises the last letter"),
            Impostor("2.0", "constant-head", "attends to the right letter"),
            Impostor("1.4", "constant-head", "attends to all letters, writes A"),
            Impostor("2.3", "constant-head", "attends to one letter"),
            Impostor("3.2", "constant-head", "attends to A and B"),
            Impostor("3.3", "constant-head", "attends to A and C"),
            Impostor("3.4", "constant-head", "attends to A and D"),
            Impostor("3.5", "constant-head", "uniform attention"),
            Impostor("2.5", "constant-head", "right attention, empty OV"),
            Impostor("2.0", "single-letter-head", "attends to the right letter"),
            Impostor("2.2", "single-letter-head", "attends to all letters"),
            Impostor("3.2", "single-letter-head", "attends to two letters"),
            Impostor("3.0", "single-letter-head", "attends to the last place"),
            Impostor("3.5", "single-letter-head", "uniform attention"),
        ],
    )
