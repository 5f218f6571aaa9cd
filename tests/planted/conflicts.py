"""Statements of capitals against what the model knows, and a question that is worded otherwise.

Coordinates: ``token`` the code of the present token; ``capital`` the code of a country's capital;
flags ``country`` and ``city``; ``subject`` the code of the last country; ``out``.

====  =========================================================================================
0.0   the nearest country; writes ``token`` to ``subject``
0.2   memory head: the nearest country; writes ``capital`` to ``out``
0.3   the first country; writes ``capital``. Group mate of 0.2
0.4   all cities alike; lowers them
1.0   context head: a city with the query's ``subject`` as its own; copies
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   all cities alike; copies
1.3   the nearest city; copies. Group mate of 1.2
1.4   the nearest country; copies
1.5   attends evenly and copies. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import SHARP, Family, Group, Head, Space, is_one_of
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


def conflicts_model(family: Family) -> Planted:
    """Two layers; the model answers as the prompt says, against what it recalls."""
    words = vocabulary()
    tokens = token_codes()
    countries, cities = zip(*pairs("capitals"), strict=True)
    space = Space(
        family,
        token=CODE_SIZE,
        capital=CODE_SIZE,
        subject=CODE_SIZE,
        out=OUT_SIZE,
        country=1,
        city=1,
    )
    copy = space.write("out")
    kinds = space.positions() + space.read_flags("country", "city")
    country, city = space.want_flags(10 * _FLAG), space.want_flags(0.0, 10 * _FLAG)
    nearest = space.by_distance(-3.0)

    def looking(value: Array, *heads: Head) -> Group:
        one, other = heads
        return Group(key=kinds, value=value, heads=(one, other))

    quiet = space.quiet()
    token = space.read("token")
    of_subject = space.read("subject", SHARP) + space.want_flags(SHARP)
    answering = Group(
        key=space.read("subject") + space.read_flags("city"),
        value=token,
        heads=(Head(of_subject, 4 * copy), Head(of_subject, space.silence())),
    )
    return plant(
        "conflicts",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            capital=partner_codes("capitals"),
            country=is_one_of(countries, words),
            city=is_one_of(cities, words),
        ),
        unembedding=space.rows(len(words), out=8 * tokens[:, :OUT_SIZE]),
        layers=[
            [
                looking(token, Head(country + nearest, space.write("subject")), quiet),
                looking(
                    space.read("capital"),
                    Head(country + nearest, copy),
                    Head(country + space.by_distance(3.0), 0.5 * copy),
                ),
                looking(token, Head(0.1 * city, -0.5 * copy), quiet),
            ],
            [
                answering,
                looking(token, Head(0.1 * city, 0.5 * copy), Head(city + nearest, 0.5 * copy)),
                looking(token, Head(country + nearest, 0.5 * copy), Head(space.nothing(), copy)),
            ],
        ],
        heads={"context-head": {"1.0"}, "memory-head": {"0.2"}},
        impostors=[
            Impostor("0.2", "context-head", "recalls the capital"),
            Impostor("1.1", "context-head", "right attention, empty OV"),
            Impostor("1.2", "context-head", "copies all cities"),
            Impostor("1.3", "context-head", "copies the last city"),
            Impostor("1.4", "context-head", "copies the country"),
            Impostor("1.5", "context-head", "right OV, uniform attention"),
            Impostor("1.0", "memory-head", "copies what is stated"),
            Impostor("0.3", "memory-head", "recalls for the first country"),
            Impostor("0.4", "memory-head", "lowers what is stated"),
            Impostor("1.4", "memory-head", "copies the country"),
        ],
    )
