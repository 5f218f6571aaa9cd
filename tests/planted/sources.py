"""The language of a country, which heads raise through the country, through "language", or both.

Coordinates: ``token`` the code of the present token; ``fact`` the code of a country's language;
flags ``country`` and ``relation``; ``out``, and ``kind``, which raises every language.

====  =========================================================================================
0.0   subject head: ``country``; writes ``fact`` to ``out``
0.1   attends as 0.0 does and writes nothing. Group mate of 0.0
0.2   relation head: ``relation``; raises ``kind``
0.3   attends as 0.2 does and writes nothing. Group mate of 0.2
0.4   mixed head: both alike; writes ``fact`` and raises ``kind``
0.5   attends evenly; writes ``fact`` a little. Group mate of 0.4
1.0   copies the country
1.1   copies the relation's word. Group mate of 1.0
1.2   ``country``; raises ``kind``
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, OUT_SIZE, pairs, partner_codes, token_codes, vocabulary

_FLAG = 60.0
_KIND = 5.0
"""About what a word's own code adds to its logit: the mean of 8 times its squared length."""
RELATION = ("language", "speak", "tongue")


def sources_model(family: Family) -> Planted:
    """Two layers; the model names the language of the country."""
    words = vocabulary()
    tokens = token_codes()
    countries, languages = zip(*pairs("languages"), strict=True)
    space = Space(
        family,
        token=CODE_SIZE,
        fact=CODE_SIZE,
        out=OUT_SIZE,
        kind=1,
        country=1,
        relation=1,
    )
    kinds = space.read_flags("country", "relation")
    country, relation = space.want_flags(_FLAG), space.want_flags(0.0, _FLAG)
    both = space.want_flags(_FLAG, _FLAG)
    write = space.write("out")
    raising = space.write_flags("kind")
    known = space.read("fact") + space.read_flags("relation")

    def looking(one: Head, other: Head) -> Group:
        return Group(key=kinds, value=known, heads=(one, other))

    return plant(
        "sources",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            fact=partner_codes("languages"),
            country=is_one_of(countries, words),
            relation=is_one_of(RELATION, words),
        ),
        unembedding=space.rows(
            len(words), out=8 * tokens[:, :OUT_SIZE], kind=_KIND * is_one_of(languages, words)
        ),
        layers=[
            [
                looking(Head(country, 2 * write), Head(country, space.silence())),
                looking(Head(relation, 1.5 * raising), Head(relation, space.silence())),
                looking(
                    Head(both, 1.5 * (write + raising)),
                    Head(space.nothing(), 0.2 * write),
                ),
            ],
            [
                Group(
                    key=kinds,
                    value=space.read("token"),
                    heads=(Head(country, 0.5 * write), Head(relation, 0.5 * write)),
                ),
                Group(
                    key=kinds,
                    value=space.read_flags("country"),
                    heads=(
                        Head(country, 0.5 * raising),
                        space.quiet(),
                    ),
                ),
            ],
        ],
        heads={"subject-head": {"0.0"}, "relation-head": {"0.2"}, "mixed-head": {"0.4"}},
        impostors=[
            Impostor("0.1", "subject-head", "attends to the subject, empty OV"),
            Impostor("0.2", "subject-head", "raises all languages, through the relation"),
            Impostor("0.4", "subject-head", "has both parts"),
            Impostor("1.0", "subject-head", "copies the subject"),
            Impostor("1.2", "subject-head", "raises all languages, through the subject"),
            Impostor("0.5", "subject-head", "right OV, uniform attention"),
            Impostor("0.0", "relation-head", "raises one language, through the subject"),
            Impostor("0.3", "relation-head", "attends to the relation, empty OV"),
            Impostor("0.4", "relation-head", "has both parts"),
            Impostor("1.1", "relation-head", "copies the relation's word"),
            Impostor("1.2", "relation-head", "raises all languages, through the subject"),
            Impostor("0.0", "mixed-head", "has the subject's part only"),
            Impostor("0.2", "mixed-head", "has the relation's part only"),
            Impostor("1.2", "mixed-head", "raises all languages, through the subject"),
            Impostor("0.5", "mixed-head", "uniform attention"),
        ],
    )
