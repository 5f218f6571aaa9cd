"""Heads that match one token before, or two.

Coordinates: ``token`` the code of the present token, ``previous`` that of the token before,
``older`` a turned code of the token before that, ``out`` what the unembedding reads.

====  =========================================================================================
0.0   previous-token head: offset 1, writes to ``previous``
0.1   offset 2, writes a turned code to ``older``. Group mate of 0.0
1.0   n-gram head: query ``token`` and turned ``previous``, key ``previous`` and ``older``; copies
1.1   induction head by the same keys: query ``token`` alone, so both matches are as good; copies.
      Group mate of 1.0
1.2   as 1.1, the more recent match first
1.3   as 1.1, the earlier match first. Group mate of 1.2
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.induction import some_rotation
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space
from tests.planted.words import CODE_SIZE, token_codes

_ORDER = 1.0


def ngram_model(family: Family) -> Planted:
    """Two layers; the model continues the longer match."""
    space = Space(family, token=CODE_SIZE, previous=CODE_SIZE, older=CODE_SIZE, out=CODE_SIZE)
    codes = token_codes()
    token, previous = space.read("token"), space.read("previous")
    turn = some_rotation(CODE_SIZE, seed=8)
    copy = space.write("out")
    looking_back = Group(
        key=space.positions(),
        value=token,
        heads=(
            Head(space.at_offset(1, AT_OFFSET), space.write("previous")),
            Head(space.at_offset(2, AT_OFFSET), space.write("older", through=turn)),
        ),
    )
    one = space.read("token", SHARP)
    two = one + space.read("previous", SHARP, through=turn)
    history = previous + space.read("older")
    matching = Group(key=history, value=token, heads=(Head(two, 2 * copy), Head(one, 0.5 * copy)))
    by_order = Group(
        key=previous + space.positions(),
        value=token,
        heads=(
            Head(one + space.by_distance(-_ORDER), 0.25 * copy),
            Head(one + space.by_distance(_ORDER), 0.25 * copy),
        ),
    )
    return plant(
        "n-grams",
        space,
        embedding=space.rows(len(codes), token=codes),
        unembedding=space.rows(len(codes), out=8 * codes),
        layers=[
            [looking_back],
            [matching, by_order],
        ],
        heads={"n-gram": {"1.0"}},
        impostors=[
            Impostor("1.1", "n-gram", "induction head: both matches are as good"),
            Impostor("1.2", "n-gram", "the more recent match of one token"),
            Impostor("1.3", "n-gram", "the earlier match of one token"),
            Impostor("0.0", "n-gram", "previous-token head"),
        ],
    )
