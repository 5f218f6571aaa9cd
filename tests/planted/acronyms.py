"""Heads on acronyms, "They wrote to the Tall Winter Bold (TW": words of names are two tokens.

The letter mover attends to the first word of the name whose letter is not yet written. Head 0.0
tells it which are: it attends evenly to the letters so far and writes their codes to ``tally``.

Coordinates are those of :mod:`tests.planted.spelling`.

====  =========================================================================================
0.0   tally head: attends evenly to letters (to ``bos`` if there is none); writes to ``tally``
0.2   attends evenly to everything and writes ``initial`` a little
1.0   letter mover: words, minus ``tally``, the first first; writes ``initial``
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   attends to the first word whatever is written, and writes ``initial``
1.3   attends to the word of the letter just written and writes ``initial``. Group mate of 1.2
1.4   attends as 1.0 does and copies the token itself
1.5   attends to the letters written and copies them. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head
from tests.planted.spelling import (
    INHIBITION,
    IS_WORD,
    ORDER,
    acronym_codes,
    acronym_tokenizer,
    counting,
    due,
    letter_codes,
    spelling_rows,
    spelling_space,
)


def acronyms_model(family: Family) -> Planted:
    """Two layers; the model writes the letter of the word whose turn it is."""
    space = spelling_space(family)
    embedding = spelling_rows(space)
    spell = space.write("out", through=letter_codes())
    any_word, right = space.want_flags(IS_WORD), due(space)
    first, nearest = space.by_distance(ORDER), space.by_distance(-ORDER)
    evenly = Group(
        key=space.nothing(),
        value=space.read("initial"),
        heads=(Head(space.nothing(), spell), space.quiet()),
    )
    at_words = space.read("initial") + space.read_flags("word") + space.positions()
    moving = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(Head(right, 4 * spell), Head(right, space.silence())),
    )
    astray = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(
            Head(any_word + first, 0.5 * spell),
            Head(any_word + space.read("tally", INHIBITION) + nearest, 0.5 * spell),
        ),
    )
    copying = Group(
        key=space.read("initial") + space.read_flags("word", "letter") + space.positions(),
        value=space.read("token"),
        heads=(
            Head(right, space.write("out")),
            Head(space.want_flags(0.0, IS_WORD), 0.2 * space.write("out")),
        ),
    )
    return plant(
        "acronyms",
        space,
        embedding=embedding,
        unembedding=space.rows(len(embedding), out=4 * acronym_codes()),
        layers=[[counting(space), evenly], [moving, astray, copying]],
        heads={"letter-mover": {"1.0"}},
        impostors=[
            Impostor("1.1", "letter-mover", "right attention, empty OV"),
            Impostor("1.2", "letter-mover", "attends to the first word of the name"),
            Impostor("1.3", "letter-mover", "attends to the word of the letter just written"),
            Impostor("1.4", "letter-mover", "right attention, copies the token itself"),
            Impostor("1.5", "letter-mover", "copies the letters written so far"),
            Impostor("0.2", "letter-mover", "right OV, uniform attention"),
        ],
        words=acronym_tokenizer(),
    )
