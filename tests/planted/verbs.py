"""Sentences with several nouns, of which one is the subject of the verb at the end.

Coordinates: ``token`` the code of the present token; flags ``noun``, ``which`` and ``preposition``;
``after_which`` the flag of the token before, ``in_phrase`` that of the token two back, across
"the"; ``out``.

====  =========================================================================================
0.0   offset 1: writes ``which`` to ``after_which``
0.1   offset 2: writes ``preposition`` to ``in_phrase``. Group mate of 0.0
1.0   syntactic head: a noun that is neither ``after_which`` nor ``in_phrase``
1.1   the nearest noun. Group mate of 1.0
1.2   the first noun
1.3   all nouns alike. Group mate of 1.2
1.4   a noun that is ``after_which`` or ``in_phrase``
1.5   previous-token head. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, token_codes, vocabulary, word_list

_FLAG = 60.0
_SAME_FOR_BOTH = ("syntactic", "subject-head-roles")


def verbs_model(family: Family) -> Planted:
    """Two layers; the heads differ in which noun they attend to."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        out=OUT_SIZE,
        noun=1,
        which=1,
        preposition=1,
        after_which=1,
        in_phrase=1,
    )
    looking_back = Group(
        key=space.positions(),
        value=space.read_flags("which", "preposition"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), space.write_flags("after_which")),
            Head(space.at_offset(2, AT_OFFSET), space.write_flags(None, "in_phrase")),
        ),
    )
    copy = space.write("out", 0.1)
    kinds = space.positions() + space.read_flags("noun", "after_which", "in_phrase")

    def nouns(*queries: np.ndarray) -> Group:
        one, other = (Head(query, copy) for query in queries)
        return Group(key=kinds, value=space.read("token"), heads=(one, other))

    any_noun = space.want_flags(10 * _FLAG)
    return plant(
        "verbs",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            noun=is_one_of(word_list("nouns"), words),
            which=is_one_of(("which",), words),
            preposition=is_one_of(("near", "behind"), words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [looking_back],
            [
                nouns(space.want_flags(_FLAG, -_FLAG, -_FLAG), any_noun + space.by_distance(-3.0)),
                nouns(any_noun + space.by_distance(3.0), space.want_flags(_FLAG)),
                nouns(space.want_flags(_FLAG, _FLAG, _FLAG), space.at_offset(1, AT_OFFSET)),
            ],
        ],
        heads={name: {"1.0"} for name in _SAME_FOR_BOTH},
        impostors=[
            Impostor(head, name, why)
            for name in _SAME_FOR_BOTH
            for head, why in (
                ("1.1", "attends to the nearest noun"),
                ("1.2", "attends to the first noun"),
                ("1.3", "attends to all nouns"),
                ("1.4", "attends to the other nouns"),
                ("1.5", "previous-token head"),
            )
        ],
    )
