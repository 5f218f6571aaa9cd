"""Induction heads and what passes for them.

Coordinates: ``token`` the code of the present token (embedding), ``previous`` the code of the token
before (written by head 0.0), ``out`` what the unembedding reads. The logit of t is 8 <out, code t>.

====  =========================================================================================
0.0   previous-token head: offset 1, writes the token code to ``previous``
0.1   attends 22 back and copies to ``out``: the right key when the repeat's distance is 23. Group
      mate of 0.0
1.0   induction head: query ``token``, key ``previous``; copies ``token`` to ``out``
1.1   group mate of 1.0 with another query, a rotated ``token``: attends to unrelated tokens
1.2   as 1.0, and writes nothing
1.3   as 1.0 in attention, and writes the negative: anti-induction
1.4   duplicate-token head: query ``token``, key ``token``, its own position held down; copies
1.5   attends evenly and copies everything. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space
from tests.planted.words import CODE_SIZE, Array, token_codes

FIXED_OFFSET = 22
"""Where the fixed-offset impostor looks: right for a block of 23 that is repeated without a gap."""
SELF_PENALTY = 48.0
"""What a duplicate-token head loses for attending to its own position."""


def some_rotation(size: int, seed: int) -> Array:
    """A random orthogonal matrix: a query through it matches tokens without rhyme or reason."""
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))
    return np.asarray(rotation)


def induction_model(family: Family) -> Planted:
    """Two layers; the model continues a repeated sequence of random tokens."""
    space = Space(family, token=CODE_SIZE, previous=CODE_SIZE, out=CODE_SIZE)
    codes = token_codes()
    copy = space.write("out")
    token, previous = space.read("token"), space.read("previous")

    look_back = Group(
        key=space.positions(),
        value=token,
        heads=(
            Head(space.at_offset(1, AT_OFFSET), space.write("previous")),
            Head(space.at_offset(FIXED_OFFSET, AT_OFFSET), 0.25 * copy),
        ),
    )
    match = space.read("token", SHARP)
    elsewhere = space.read("token", SHARP, through=some_rotation(CODE_SIZE, seed=1))
    after_copy = Group(
        key=previous,
        value=token,
        heads=(Head(match, 2 * copy), Head(elsewhere, 0.25 * copy)),
    )
    after_copy_without_copying = Group(
        key=previous,
        value=token,
        heads=(Head(match, space.silence()), Head(match, -0.25 * copy)),
    )
    same_token = Group(
        key=token + space.positions(),
        value=token,
        heads=(
            Head(match + space.at_offset(0, -SELF_PENALTY), 0.25 * copy),
            Head(space.nothing(), 0.25 * copy),
        ),
    )
    return plant(
        "induction",
        space,
        embedding=space.rows(len(codes), token=codes),
        unembedding=space.rows(len(codes), out=8 * codes),
        layers=[
            [look_back],
            [after_copy, after_copy_without_copying, same_token],
        ],
        heads={
            "previous-token": {"0.0"},
            "positional": {"0.0"},
            "induction": {"1.0"},
            "duplicate-token": {"1.4"},
            "anti-induction": {"1.3"},
        },
        impostors=[
            Impostor("0.1", "induction", "fixed offset"),
            Impostor("0.1", "previous-token", "fixed offset, but not 1"),
            Impostor("1.1", "induction", "group mate: same key and value, other query"),
            Impostor("1.2", "induction", "right attention, empty OV"),
            Impostor("1.3", "induction", "right attention, negative OV"),
            Impostor("1.4", "induction", "duplicate-token head that copies"),
            Impostor("1.5", "induction", "right OV, uniform attention"),
            Impostor("1.0", "duplicate-token", "attends to the token after the copy"),
            Impostor("1.0", "anti-induction", "right attention, copies"),
            Impostor("1.2", "anti-induction", "right attention, empty OV"),
            Impostor("1.4", "anti-induction", "attends to the copy itself, and copies"),
        ],
    )
