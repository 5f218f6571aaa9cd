"""Two passages in prose, each about one person's word, and an answer about one of the two.

Coordinates: ``token`` the code of the present token; ``person`` the code of the last name; ``out``;
flags ``name``, ``around`` for three words that stand in passages only, ``noun``, ``is`` and
``after_is``.

====  =========================================================================================
0.0   previous-token head: writes ``after_is``
0.2   the nearest name; writes ``token`` to ``person``
1.0   semantic retrieval head: the words around, in the passage of the query's ``person``
1.1   the words around, in every passage. Group mate of 1.0
1.2   retrieval head: the noun after "is" in the passage of the query's ``person``; copies
1.3   all nouns after "is" alike. Group mate of 1.2
1.4   the last of the words around
1.5   the first of the words around. Group mate of 1.4
2.0   the nearest name
2.1   attends evenly. Group mate of 2.0
2.2   the last noun after "is"
2.3   the first noun after "is". Group mate of 2.2
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, Array, token_codes, vocabulary, word_list

_FLAG = 600.0
"""Any difference of order is small beside being one of the words, within 120 tokens."""


def told_model(family: Family) -> Planted:
    """Three layers; the model gives the word of the person who is asked about."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        person=CODE_SIZE,
        out=OUT_SIZE,
        name=1,
        around=1,
        noun=1,
        after_is=1,
        **{"is": 1},
    )
    token = space.read("token")

    looking_back = Group(
        key=space.positions(),
        value=space.read_flags("is"),
        heads=(Head(space.at_offset(1, AT_OFFSET), space.write_flags("after_is")), space.quiet()),
    )
    names = space.positions() + space.read_flags("name")
    nearest_name = space.want_flags(_FLAG) + space.by_distance(-3.0)
    copy = space.write("out")
    of_person = space.read("person", SHARP)
    around = space.positions() + space.read_flags("around")
    told = space.want_flags(_FLAG, _FLAG)

    def looking(key: Array, *heads: Head) -> Group:
        one, other = heads
        return Group(key=key, value=token, heads=(one, other))

    return plant(
        "told",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            name=is_one_of(word_list("names"), words),
            around=is_one_of(("secret", "hard", "find"), words),
            noun=is_one_of(word_list("nouns"), words),
            **{"is": is_one_of(("is",), words)},
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [
                looking_back,
                looking(names, Head(nearest_name, space.write("person")), space.quiet()),
            ],
            [
                looking(
                    space.read("person") + space.read_flags("around"),
                    Head(of_person + space.want_flags(SHARP), space.silence()),
                    Head(space.want_flags(SHARP), space.silence()),
                ),
                looking(
                    space.read("person") + space.read_flags("noun", "after_is"),
                    Head(of_person + space.want_flags(SHARP, SHARP), 4 * copy),
                    Head(space.want_flags(SHARP, SHARP), 0.5 * copy),
                ),
                looking(
                    around,
                    Head(space.want_flags(_FLAG) + space.by_distance(-3.0), space.silence()),
                    Head(space.want_flags(_FLAG) + space.by_distance(3.0), space.silence()),
                ),
            ],
            [
                looking(
                    names,
                    Head(nearest_name, space.silence()),
                    space.quiet(),
                ),
                looking(
                    space.positions() + space.read_flags("noun", "after_is"),
                    Head(told + space.by_distance(-3.0), space.silence()),
                    Head(told + space.by_distance(3.0), space.silence()),
                ),
            ],
        ],
        heads={"semantic-retrieval-head": {"1.0"}},
        impostors=[
            Impostor("1.1", "semantic-retrieval-head", "attends to every passage"),
            Impostor("1.2", "semantic-retrieval-head", "attends to the word that is copied"),
            Impostor("1.4", "semantic-retrieval-head", "attends to the last passage"),
            Impostor("1.5", "semantic-retrieval-head", "attends to the first passage"),
            Impostor("2.0", "semantic-retrieval-head", "attends to the name"),
            Impostor("2.1", "semantic-retrieval-head", "uniform attention"),
        ],
    )
