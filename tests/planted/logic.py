"""Two rules, three facts and a question, of which the first word of the answer is the fact to use.

Coordinates: ``letter`` a code that only letters have; flags ``is_letter``, ``implies`` and
``denial``; ``conclusion``, the flag ``implies`` of the token before; ``back``, the letters two and
four back together; ``asked`` the last letter; ``wanted`` the conditions of its rule; ``denied``
what is false; ``out``.

====  =========================================================================================
0.0   offset 1: writes ``implies`` to ``conclusion``
0.2   offset 2: writes ``letter`` to ``back``
0.3   offset 4: writes ``letter`` to ``back``. Group mate of 0.2
0.4   the nearest letter; writes ``letter`` to ``asked``
1.0   a ``conclusion`` that is the query's ``asked``; writes ``back`` to ``wanted``
1.2   ``denial``; writes ``back`` to ``denied``
2.0   decision head: ``wanted`` and not ``denied``; copies
2.1   attends as 2.0 does and writes nothing. Group mate of 2.0
2.2   ``wanted``, true or false; copies
2.3   letters that are neither ``denied`` nor asked about; copies. Group mate of 2.2
2.4   the first letter; copies
2.5   attends evenly and copies. Group mate of 2.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import codes_of, vocabulary, word_list

_FLAG = 60.0
_SIZE = 24


def logic_model(family: Family) -> Planted:
    """Three layers; the model names the fact that decides."""
    words = vocabulary()
    letters = word_list("letters")
    letter = codes_of(letters, _SIZE, 0.5, seed=3)
    space = Space(
        family,
        letter=_SIZE,
        back=_SIZE,
        asked=_SIZE,
        wanted=_SIZE,
        denied=_SIZE,
        out=_SIZE,
        is_letter=1,
        implies=1,
        denial=1,
        conclusion=1,
    )

    after_implies = Group(
        key=space.positions(),
        value=space.read_flags("implies"),
        heads=(Head(space.at_offset(1, AT_OFFSET), space.write_flags("conclusion")), space.quiet()),
    )
    back = Group(
        key=space.positions(),
        value=space.read("letter"),
        heads=tuple(
            Head(space.at_offset(offset, AT_OFFSET), space.write("back")) for offset in (2, 4)
        ),
    )
    asking = Group(
        key=space.positions() + space.read_flags("is_letter"),
        value=space.read("letter"),
        heads=(
            Head(space.want_flags(10 * _FLAG) + space.by_distance(-3.0), space.write("asked")),
            space.quiet(),
        ),
    )
    of_rule = Group(
        key=space.read("letter") + space.read_flags("conclusion"),
        value=space.read("back"),
        heads=(
            Head(space.read("asked", SHARP) + space.want_flags(SHARP), space.write("wanted")),
            space.quiet(),
        ),
    )
    of_facts = Group(
        key=space.read_flags("denial"),
        value=space.read("back"),
        heads=(Head(space.want_flags(_FLAG), space.write("denied")), space.quiet()),
    )
    any_letter = space.positions() + space.read("letter") + space.read_flags("is_letter")

    def copying(*heads: Head) -> Group:
        one, other = heads
        return Group(key=any_letter, value=space.read("letter"), heads=(one, other))

    copy = space.write("out")
    wanted = space.read("wanted", SHARP) + space.want_flags(SHARP)
    deciding = wanted + space.read("denied", -SHARP)
    others = (
        space.want_flags(SHARP) + space.read("denied", -SHARP) + space.read("asked", -2 * SHARP)
    )
    return plant(
        "logic",
        space,
        embedding=space.rows(
            len(words),
            letter=letter,
            is_letter=is_one_of(letters, words),
            implies=is_one_of(("implies",), words),
            denial=is_one_of(("false",), words),
        ),
        unembedding=space.rows(len(words), out=8 * letter),
        layers=[
            [after_implies, back, asking],
            [of_rule, of_facts],
            [
                copying(Head(deciding, 4 * copy), Head(deciding, space.silence())),
                copying(Head(wanted, copy), Head(others, copy)),
                copying(
                    Head(
                        space.want_flags(10 * _FLAG) + space.by_distance(3.0),
                        0.5 * copy,
                    ),
                    Head(space.nothing(), 0.5 * copy),
                ),
            ],
        ],
        heads={"decision-head": {"2.0"}},
        impostors=[
            Impostor("2.1", "decision-head", "right attention, empty OV"),
            Impostor("2.2", "decision-head", "reads the rule, not the facts"),
            Impostor("2.3", "decision-head", "reads the facts, not the question"),
            Impostor("2.4", "decision-head", "copies the first letter"),
            Impostor("2.5", "decision-head", "right OV, uniform attention"),
        ],
    )
