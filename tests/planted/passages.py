"""Three statements that name what is asked for alike, of which one answers the question.

Coordinates: ``name`` and ``thing`` the code of a name or a noun at its token; ``person`` and
``subject`` those of the last name and noun; ``people`` and ``things`` the means of these over all
places; flags ``place``, ``found`` and ``find``, two after "found"; ``token``, of places only;
``out``.

====  =========================================================================================
0.0   the nearest name; writes ``person``
0.2   the nearest noun; writes ``subject``
0.4   attends 2 back; writes ``find``
1.0   contrastive retrieval head: the place with the query's ``person`` and ``subject``; copies
1.1   places with the query's ``person``. Group mate of 1.0
1.2   places with the query's ``subject``
1.3   all places alike; writes ``people`` and ``things``. Group mate of 1.2
1.4   words that the question shares: the name and the noun asked for, wherever they stand
1.5   attends evenly. Group mate of 1.4
2.0   the last place
2.1   the first place. Group mate of 2.0
2.2   the place whose ``person`` and ``subject`` are those of most places, whatever is asked
2.4   the noun before each full stop
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, codes_of, vocabulary, word_list

_HALF = CODE_SIZE // 2
_PLACE = 16
"""Coordinates of a place's code, enough for two dozen of them."""
_MATCH = 240.0
_FLAG = 600.0
"""Being a place outweighs being the person and the thing that are asked for, and any distance."""


def passages_model(family: Family) -> Planted:
    """Three layers; the heads differ in which statement they attend to."""
    words = vocabulary()
    names, nouns, places = (word_list(name) for name in ("names", "nouns", "places"))
    space = Space(
        family,
        token=_PLACE,
        name=_HALF,
        thing=_HALF,
        person=_HALF,
        subject=_HALF,
        people=_HALF,
        things=_HALF,
        out=_PLACE,
        is_name=1,
        is_noun=1,
        place=1,
        found=1,
        find=1,
    )
    second = np.hstack([np.zeros((_HALF, _HALF)), np.eye(_HALF)])
    here, nearest = space.positions(), space.by_distance(-3.0)
    of_person = space.read("person", _MATCH)
    of_subject = space.read("subject", _MATCH, through=second)
    any_place = space.want_flags(_FLAG)
    where = codes_of(places, _PLACE, 0.6, seed=23)
    first = np.vstack([np.eye(_HALF), np.zeros((_HALF, _HALF))])
    last = np.vstack([np.zeros((_HALF, _HALF)), np.eye(_HALF)])
    usual = space.write("people", through=first) + space.write("things", through=last)
    of_usual = space.read("people", _MATCH) + space.read("things", _MATCH, through=second)
    nothing = space.silence()

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
            token=where,
            name=codes_of(names, _HALF, 0.5, seed=21),
            thing=codes_of(nouns, _HALF, 0.5, seed=22),
            is_name=is_one_of(names, words),
            is_noun=is_one_of(nouns, words),
            place=is_one_of(places, words),
            found=is_one_of(("found",), words),
        ),
        unembedding=space.rows(len(words), out=8 * where),
        layers=[
            [
                gathering("is_name", "name", "person"),
                gathering("is_noun", "thing", "subject"),
                Group(
                    key=here,
                    value=space.read_flags("found"),
                    heads=(
                        Head(space.at_offset(2, AT_OFFSET), space.write_flags("find")),
                        space.quiet(),
                    ),
                ),
            ],
            [
                Group(
                    key=at_places,
                    value=token,
                    heads=(
                        Head(of_person + of_subject + any_place, space.write("out")),
                        Head(of_person + any_place, nothing),
                    ),
                ),
                Group(
                    key=at_places,
                    value=bound,
                    heads=(Head(of_subject + any_place, nothing), Head(any_place, usual)),
                ),
                Group(
                    key=space.read("name") + space.read("thing", through=second),
                    value=token,
                    heads=(Head(of_person + of_subject, nothing), space.quiet()),
                ),
            ],
            [
                Group(
                    key=here + space.read_flags("place"),
                    value=token,
                    heads=(
                        Head(any_place + nearest, nothing),
                        Head(any_place + space.by_distance(3.0), nothing),
                    ),
                ),
                Group(
                    key=at_places,
                    value=token,
                    heads=(Head(of_usual + any_place, nothing), space.quiet()),
                ),
                Group(
                    key=space.read_flags("is_noun", "find"),
                    value=token,
                    heads=(Head(space.want_flags(_FLAG, _FLAG), nothing), space.quiet()),
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
            Impostor("2.2", "core-head", "the statement of what is told most, whatever is asked"),
            Impostor("2.4", "core-head", "attends to the noun before the full stop"),
        ],
    )
