"""The indirect object task once more: a name mover, one that works against it, and an inhibitor.

Coordinates: ``token`` the code of the present token, ``name`` a code of 24 coordinates that only
names have, ``is_name`` and ``bos`` flags, ``tally`` the share of each name among those so far,
``out`` what the unembedding reads.

====  =========================================================================================
0.0   tally head: attends evenly to names, writes their codes to ``tally``
1.0   name mover: names, minus ``tally``; copies the token
1.1   negative name mover: attends as 1.0 does and writes the negative. Group mate of 1.0
1.2   S-inhibition head: attends to a name that makes up most of ``tally``, the nearer mention
      first, and to ``bos`` where no name does
1.3   attends to the last name mentioned and copies it a little. Group mate of 1.2
1.4   attends as 1.0 does and writes nothing
1.5   attends evenly and writes the negative. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.names import INHIBITION, IS_NAME, NAME_SIZE, name_codes
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, token_codes, vocabulary, word_list

_REPEATED = 240.0
"""What a name gains if it makes up all of the tally: 160 said twice of three, 80 said once."""
_REST = 240.0
"""Score of ``bos``: between a name said once (200) and one said twice (280)."""


def movers_model(family: Family) -> Planted:
    """Two layers; the model completes the sentence although one head works against it."""
    words = vocabulary()
    tokens = token_codes()
    names = word_list("names")
    space = Space(
        family, token=CODE_SIZE, name=NAME_SIZE, tally=NAME_SIZE, out=CODE_SIZE, is_name=1, bos=1
    )
    name, is_name = space.read("name"), space.read_flags("is_name", "bos")
    copy = space.write("out")
    any_name = space.want_flags(IS_NAME)
    not_inhibited = any_name + space.read("tally", -INHIBITION)
    counting = Group(
        key=is_name,
        value=name,
        heads=(
            Head(any_name, space.write("tally")),
            space.quiet(),
        ),
    )
    moving = Group(
        key=name + is_name,
        value=space.read("token"),
        heads=(Head(not_inhibited, 4 * copy), Head(not_inhibited, -copy)),
    )
    repeated = (
        space.want_flags(IS_NAME, _REST) + space.read("tally", _REPEATED) + space.by_distance(-1.0)
    )
    inhibiting = Group(
        key=name + is_name + space.positions(),
        value=space.read("token"),
        heads=(
            Head(repeated, space.silence()),
            Head(space.want_flags(10 * IS_NAME) + space.by_distance(-6.0), 0.2 * copy),
        ),
    )
    unrelated = Group(
        key=name + is_name,
        value=space.read("token"),
        heads=(Head(not_inhibited, space.silence()), Head(space.nothing(), -0.5 * copy)),
    )
    return plant(
        "movers",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            name=name_codes(),
            is_name=is_one_of(names, words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[
            [counting],
            [moving, inhibiting, unrelated],
        ],
        heads={
            "name-mover": {"1.0"},
            "negative-name-mover": {"1.1"},
            "s-inhibition": {"1.2"},
        },
        impostors=[
            Impostor("1.0", "negative-name-mover", "right attention, copies"),
            Impostor("1.4", "negative-name-mover", "right attention, empty OV"),
            Impostor("1.5", "negative-name-mover", "right OV, uniform attention"),
            Impostor("1.1", "name-mover", "right attention, negative OV"),
            Impostor("1.3", "s-inhibition", "attends to the last name"),
            Impostor("1.0", "s-inhibition", "attends to the name said once"),
            Impostor("0.0", "s-inhibition", "attends to all names"),
        ],
    )
