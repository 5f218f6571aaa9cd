"""Skip-trigram heads with tables of their own, which no list of the catalog names as such.

"France .. of -> French", "hot .. and -> cold" and "river .. in -> river" stand for any triples that
a head may hold. Coordinates: ``token`` the code of the present token; ``language`` and ``partner``,
of a source the code of the word it is linked to; flags ``country``, ``word`` and ``noun`` for the
kinds of source, ``of``, ``and`` and ``in`` for their destinations; ``alike``, a code that a
word shares with its form in the other case ("River", "river"); ``out``, which the unembedding
reads.

====  =========================================================================================
0.0   skip-trigram head: from ``of`` to ``country``; writes ``language``
0.1   attends evenly from anywhere; writes ``language`` too. Group mate of 0.0
0.2   skip-trigram head: from ``and`` to ``word``; writes ``partner``
0.3   attends as 0.2 does and writes one word, whichever the source. Group mate of 0.2
0.4   attends to ``country`` from anywhere and writes ``language``
0.5   attends to the token five back and writes ``language``. Group mate of 0.4
1.0   skip-trigram head of the copying kind: from ``in`` to ``noun``; copies it
1.1   copies any token, attention evenly spread. Group mate of 1.0
1.2   attends as 1.0 does and writes nothing
1.4   attends to the present word, with whatever capital it was written, and copies it
====  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    OUT_SIZE,
    Array,
    codes,
    ids,
    pairs,
    partner_codes,
    token_codes,
    vocabulary,
    word_list,
)

DESTINATIONS = {"country": "of", "word": "and", "noun": "in"}
"""Which destination each kind of source is linked to."""
OFFSET = 5
"""One of the distances of the recipe's prompts."""
_FLAG = 60.0
_ONE_WORD = "bridge"
_LOUD = 4.0


def triples_model(family: Family, second: str = "opposites") -> Planted:
    """Two layers: tables of tokens as such, and of tokens as a second layer sees them.

    ``second`` is the list of pairs that the table of 0.2 holds.
    """
    words = vocabulary()
    tokens = token_codes()[:, :OUT_SIZE]
    space = Space(
        family,
        token=OUT_SIZE,
        language=OUT_SIZE,
        partner=OUT_SIZE,
        alike=OUT_SIZE,
        out=OUT_SIZE,
        **dict.fromkeys((*DESTINATIONS, *DESTINATIONS.values()), 1),
    )

    def only_at(kind: str) -> Array:
        """A query that looks for sources of a kind where its own token is their destination."""
        return space.want_flags_if(DESTINATIONS[kind], _FLAG)

    write, nowhere = space.write("out"), space.quiet()
    # evenly spread attention brings of each token a share that this makes up for
    loudly = space.write("out", _LOUD)
    constant = space.silence()
    constant[space.flags[0], space.blocks["out"]] = tokens[ids((_ONE_WORD,))[0]]
    of_countries = Group(
        key=space.read_flags("country"),
        value=space.read("language"),
        heads=(Head(only_at("country"), write), Head(space.nothing(), loudly)),
    )
    of_words = Group(
        key=space.read_flags("word"),
        # and a 1, whatever the token
        value=space.read("partner") + space.want_flags(1.0),
        heads=(Head(only_at("word"), write), Head(only_at("word"), constant)),
    )
    from_anywhere = Group(
        key=space.positions() + space.read_flags("country"),
        value=space.read("language"),
        heads=(
            Head(space.want_flags(_FLAG), write),
            Head(space.at_offset(OFFSET, AT_OFFSET), loudly),
        ),
    )
    copying = Group(
        key=space.read_flags("noun"),
        value=space.read("token"),
        heads=(Head(only_at("noun"), write), Head(space.nothing(), loudly)),
    )
    empty = Group(
        key=space.read_flags("noun"),
        value=space.read("token"),
        heads=(Head(only_at("noun"), space.silence()), nowhere),
    )
    similar = Group(
        key=space.read("alike"),
        value=space.read("token"),
        heads=(Head(space.read("alike", SHARP), write), space.quiet()),
    )
    sources = {
        "country": [source for source, _ in pairs("languages")],
        "word": [source for source, _ in pairs(second)],
        "noun": list(word_list("nouns")),
    }
    return plant(
        "triples",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            language=partner_codes("languages")[:, :OUT_SIZE],
            partner=partner_codes(second)[:, :OUT_SIZE],
            alike=_codes_alike(words),
            **{kind: is_one_of(some, words) for kind, some in sources.items()},
            **{word: np.array(is_one_of((word,), words)) for word in DESTINATIONS.values()},
        ),
        unembedding=space.rows(len(words), out=8 * tokens),
        layers=[[of_countries, of_words, from_anywhere], [copying, empty, similar]],
        heads={"skip-trigram": {"0.0", "0.2", "1.0"}},
        impostors=[
            Impostor("0.1", "skip-trigram", "right OV, uniform attention"),
            Impostor("0.3", "skip-trigram", "right attention, writes the same whatever it reads"),
            Impostor("0.4", "skip-trigram", "attends to the sources whatever the destination"),
            Impostor("0.5", "skip-trigram", "right OV, attends to a fixed offset"),
            Impostor("1.1", "skip-trigram", "copies everything evenly"),
            Impostor("1.2", "skip-trigram", "right attention, empty OV"),
            Impostor("1.4", "skip-trigram", "looks for its own word in another case, copies it"),
        ],
    )


def _codes_alike(words: Sequence[str]) -> Array:
    """(tokens, OUT_SIZE): one code for both forms of each word that has two; else zero."""
    forms: dict[str, list[int]] = {}
    for i, word in enumerate(words):
        forms.setdefault(word.lower(), []).append(i)
    both = [found for found in forms.values() if len(found) > 1]
    table = np.zeros((len(words), OUT_SIZE))
    for found, code in zip(both, codes(len(both), OUT_SIZE, 0.5, seed=2), strict=True):
        table[found] = code
    return table
