"""A circuit that solves the indirect object task, and name movers that do not.

"When Mary and John went to the store, John gave a drink to": at every position head 0.0 attends
evenly to all names so far and writes the sum of their codes to ``tally``: Mary 1/3, John 2/3. The
name mover attends to names, and the less so the more of the tally they make up: to Mary.

Coordinates: ``token`` the code of the present token, ``name`` a code of 24 coordinates that only
names have, ``is_name`` a flag, ``tally``, ``out`` what the unembedding reads.

====  =========================================================================================
0.0   tally head: attends evenly to names, writes their codes to ``tally``
1.0   name mover: names, minus ``tally``; copies the token
1.1   group mate of 1.0: the same attention, and writes nothing
1.2   attends to the first name mentioned (to position 0 if there is none) and copies it
1.3   attends to the last name mentioned (to itself if there is none) and copies it. Group mate
      of 1.2
1.4   copies as the name mover does, and attends to a favourite among the names, whatever its role
1.5   copies as the name mover does, and attends evenly to everything. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.names import INHIBITION, IS_NAME, NAME_SIZE, name_codes
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, token_codes, vocabulary, word_list

_ORDER = 6.0
"""Score for each position further back (first name) or nearer (last name)."""
_SINGLED_OUT = 60.0


def indirect_object_model(family: Family) -> Planted:
    """Two layers; the model completes the sentence with the name that was said once."""
    words = vocabulary()
    tokens = token_codes()
    names = word_list("names")
    space = Space(
        family, token=CODE_SIZE, name=NAME_SIZE, tally=NAME_SIZE, out=CODE_SIZE, is_name=1
    )
    name, is_name = space.read("name"), space.read_flags("is_name")
    copy = space.write("out")
    any_name = space.want_flags(IS_NAME)

    counting = Group(
        key=is_name,
        value=name,
        heads=(
            Head(any_name, space.write("tally")),
            space.quiet(),
        ),
    )
    not_inhibited = any_name + space.read("tally", -INHIBITION)
    moving = Group(
        key=name + is_name,
        value=space.read("token"),
        heads=(Head(not_inhibited, 4 * copy), Head(not_inhibited, space.silence())),
    )
    # Any difference of order is small beside being a name at all, within 60 tokens
    certainly_a_name = space.want_flags(10 * IS_NAME)
    by_order = Group(
        key=is_name + space.positions(),
        value=space.read("token"),
        heads=(
            Head(certainly_a_name + space.by_distance(_ORDER), 0.5 * copy),
            Head(certainly_a_name + space.by_distance(-_ORDER), 0.5 * copy),
        ),
    )
    favourite = np.random.default_rng(3).standard_normal(NAME_SIZE)
    favourite *= _SINGLED_OUT / np.linalg.norm(favourite)
    unrelated = Group(
        key=name + is_name,
        value=space.read("token"),
        heads=(
            Head(any_name + space.want_code(favourite), 0.5 * copy),
            Head(space.nothing(), 0.5 * copy),
        ),
    )
    return plant(
        "indirect-object",
        space,
        embedding=space.rows(
            len(words), token=tokens, name=name_codes(), is_name=is_one_of(names, words)
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[[counting], [moving, by_order, unrelated]],
        heads={"name-mover": {"1.0"}},
        impostors=[
            Impostor("0.0", "name-mover", "attends to all names and copies none"),
            Impostor("0.0", "duplicate-token", "attends to any name"),
            Impostor("1.1", "name-mover", "right attention, empty OV"),
            Impostor("1.2", "name-mover", "attends to the first name"),
            Impostor("1.2", "attention-sink", "attends to position 0 in text without names"),
            Impostor("1.3", "name-mover", "attends to the last name"),
            Impostor("1.4", "name-mover", "right OV, attends to a favourite name"),
            Impostor("1.5", "name-mover", "right OV, uniform attention"),
        ],
    )
