"""Three statements that name what is asked for alike, of which one answers the question.

Coordinates: ``name`` and ``thing`` the code of a name or a noun at its token; ``person`` and
``subject`` those of the last name and noun; a flag ``place``; ``token``; ``out``.

====  =========================================================================================
0.0   the nearest name; writes ``person``
0.2   the nearest noun; writes ``subject``
1.0   contrastive retrieval head: the place with the query's ``person`` and ``subject``
1.1   places with the query's ``person``. Group mate of 1.0
1.2   places with the query's ``subject``
1.3   all places alike. Group mate of 1.2
1.4   words that the question shares: the name and the noun asked for, wherever they stand
1.5   attends evenly. Group mate of 1.4
2.0   the last place
2.1   the first place. Group mate of 2.0
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    OUT_SIZE,
    codes_of,
    token_codes,
    vocabulary,
    word_list,
)

_HALF = CODE_SIZE // 2
_MATCH = 240.0
_FLAG = 600.0
"""Being a place outweighs being the person and the thing that are asked for, and any distance."""


def passages_model(family: Family) -> Planted:
    """Three layers; the heads differ in which statement they attend to."""
    words = vocabulary()
    tokens = token_codes()
    names, nouns, places = (word_list(name) for name in ("names", "nouns", "places"))
    space = Space(
        family,
        token=OUT_SIZE,
        name=_HALF,
        thing=_HALF,
        person=_HALF,
        subject=_HALF,
        out=OUT_SIZE,
        is_name=1,
        is_noun=1,
        place=1,
    )
    second = np.hstack([np.zeros((_HALF, _HALF)), np.eye(_HALF)])
    here, nearest = space.positions(), space.by_distance(-3.0)
    of_person = space.read("person", _MATCH)
    of_subject = space.read("subject", _MATCH, through=second)
    any_place = space.want_flags(_FLAG)
    copy = space.write("out", 0.1)

    def gathering(flag: str, source: str, target: str) -> Group:
        return Group(
            key=here + space.read_flags(flag),
            value=space.read(source),
            heads=(Head(space.want_flags(_FLAG) + nearest, space.write(target)), space.quiet()),
        )

    bound = space.read("person") + space.read("subject", through=second)
    at_places = bound + space.read_flags("place")
    token = space.read("token")
    return plant(
        "passages",
        space,
        embedding=space.rows(
            len(words),
            token=tokens[:, :OUT_SIZE],
            name=codes_of(names, _HALF, 0.5, seed=21),
            thing=codes_of(nouns, _HALF, 0.5, seed=22),
            is_name=is_one_of(names, words),
            is_noun=is_one_of(nouns, words),
            place=is_one_of(places, words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [gathering("is_name", "name", "person"), gathering("is_noun", "thing", "subject")],
            [
                Group(
                    key=at_places,
                    value=token,
                    heads=(
                        Head(of_person + of_subject + any_place, copy),
                        Head(of_person + any_place, copy),
                    ),
                ),
                Group(
                    key=at_places,
                    value=token,
                    heads=(Head(of_subject + any_place, copy), Head(any_place, copy)),
                ),
                Group(
                    key=space.read("name") + space.read("thing", through=second),
                    value=token,
                    heads=(Head(of_person + of_subject, copy), Head(space.nothing(), copy)),
                ),
            ],
            [
                Group(
                    key=here + space.read_flags("place"),
                    value=token,
                    heads=(
                        Head(any_place + nearest, copy),
                        Head(any_place + space.by_distance(3.0), copy),
                    ),
                ),
            ],
        ],
        heads={"core-head": {"1.0"}},
        impostors=[
            Impostor("1.1", "core-head", "any statement about the person"),
            Impostor("1.2", "core-head", "any statement about such a thing"),
            Impostor("1.3", "core-head", "attends to every place"),
            Impostor("1.4", "core-head", "follows the words that the question shares"),
            Impostor("1.5", "core-head", "uniform attention"),
            Impostor("2.0", "core-head", "attends to the last statement"),
            Impostor("2.1", "core-head", "attends to the first statement"),
        ],
    )
