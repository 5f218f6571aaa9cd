"""Skip-trigram heads with tables of their own: of no type, for the limits.

"France .. of -> French" and "go .. and -> went" stand for any triples that a head may hold.
Coordinates: ``language`` and ``past``, of a source the code of the word it is linked to; flags
``country`` and ``verb`` for the two kinds of source, ``of`` and ``and`` for their destinations;
``out``, which the unembedding reads.

====  =========================================================================================
0.0   skip-trigram head: from ``of`` to ``country``; writes ``language``
0.1   attends evenly from anywhere; writes ``language`` too. Group mate of 0.0
0.2   skip-trigram head: from ``and`` to ``verb``; writes ``past``
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, Array, pairs, partner_codes, token_codes, vocabulary

TRIPLES = {"languages": "of", "past-tense-verbs": "and"}
"""The list that holds source and output of each table, and its destination."""
_FLAG = 60.0


def triples_model(family: Family) -> Planted:
    """One layer that matters and an idle one."""
    words = vocabulary()
    tokens = token_codes()
    space = Space(
        family,
        language=CODE_SIZE,
        past=CODE_SIZE,
        out=CODE_SIZE,
        country=1,
        verb=1,
        **dict.fromkeys(TRIPLES.values(), 1),
    )

    def sources(name: str) -> Array:
        return is_one_of([source for source, _ in pairs(name)], words)

    def only_at(name: str) -> Array:
        """A query that looks for sources where its own token is their destination."""
        return space.want_flags_if(TRIPLES[name], _FLAG)

    write = space.write("out")
    nowhere = space.quiet()
    of_countries = Group(
        key=space.read_flags("country"),
        value=space.read("language"),
        heads=(Head(only_at("languages"), write), Head(space.nothing(), write)),
    )
    of_verbs = Group(
        key=space.read_flags("verb"),
        value=space.read("past"),
        heads=(Head(only_at("past-tense-verbs"), write), nowhere),
    )
    return plant(
        "triples",
        space,
        embedding=space.rows(
            len(words),
            language=partner_codes("languages"),
            past=partner_codes("past-tense-verbs"),
            country=sources("languages"),
            verb=sources("past-tense-verbs"),
            **{word: is_one_of((word,), words) for word in TRIPLES.values()},
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[[of_countries, of_verbs], []],
        heads={},
        impostors=[],
    )
