"""Questions to be answered by yes or no, and heads that attend to the two words in the instruction.

Coordinates: ``token`` the code of the present token; ``capital`` the code of a country's capital;
flags ``yes``, ``no``, ``city`` and ``bos``; ``match`` whether the capital stands before a country;
``truth`` the ``match`` of the token before; ``out``.

====  =========================================================================================
0.0   from a country to its capital, or else ``bos``; writes ``match``
1.0   previous-token head: writes ``match`` to ``truth``
2.0   negative head: "no"
2.1   "yes". Group mate of 2.0
2.2   "yes" and "no" alike
2.3   whichever of the two comes last. Group mate of 2.2
2.4   the right answer, by ``truth``
2.5   the wrong answer, by ``truth``. Group mate of 2.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    OUT_SIZE,
    Array,
    pairs,
    partner_codes,
    token_codes,
    vocabulary,
)

_FLAG = 60.0


def candidates_model(family: Family) -> Planted:
    """Three layers; the heads differ in which of the two words they attend to."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        capital=CODE_SIZE,
        out=OUT_SIZE,
        yes=1,
        no=1,
        city=1,
        bos=1,
        match=1,
        truth=1,
    )

    matching = Group(
        key=space.read("token") + space.read_flags("city", "bos"),
        value=space.read_flags("city"),
        heads=(
            # a city alone, or a match that is no city, stays below bos
            Head(
                space.read("capital", SHARP) + space.want_flags(SHARP / 2, 1.25 * SHARP),
                space.write_flags("match"),
            ),
            space.quiet(),
        ),
    )
    before = Group(
        key=space.positions(),
        value=space.read_flags("match"),
        heads=(Head(space.at_offset(1, AT_OFFSET), space.write_flags("truth")), space.quiet()),
    )

    def by_truth(yes: tuple[float, float], no: tuple[float, float]) -> Array:
        """Scores of the two words if the statement is false, and what it adds that it is true."""
        return space.want_flags(yes[0], no[0]) + space.want_flags_if("truth", yes[1], no[1])

    copy = space.write("out", 0.1)

    def looking(*queries: Array) -> Group:
        one, other = (Head(query, copy) for query in queries)
        return Group(
            key=space.positions() + space.read_flags("yes", "no"),
            value=space.read("token"),
            heads=(one, other),
        )

    return plant(
        "candidates",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            capital=partner_codes("capitals"),
            yes=is_one_of(("yes",), words),
            no=is_one_of(("no",), words),
            city=is_one_of([city for _, city in pairs("capitals")], words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [matching],
            [before],
            [
                looking(space.want_flags(0.0, _FLAG), space.want_flags(_FLAG)),
                looking(
                    space.want_flags(_FLAG, _FLAG),
                    space.want_flags(10 * _FLAG, 10 * _FLAG) + space.by_distance(-6.0),
                ),
                looking(
                    by_truth((0.0, 2 * _FLAG), (_FLAG, 0.0)),
                    by_truth((_FLAG, 0.0), (0.0, 2 * _FLAG)),
                ),
            ],
        ],
        heads={"negative-head": {"2.0"}},
        impostors=[
            Impostor("2.1", "negative-head", "attends to yes"),
            Impostor("2.2", "negative-head", "attends to both"),
            Impostor("2.3", "negative-head", "attends to the last of the two"),
            Impostor("2.4", "negative-head", "attends to the right answer"),
            Impostor("2.5", "negative-head", "attends to the wrong answer"),
        ],
    )
