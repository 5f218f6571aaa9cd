"""Letter movers that are fooled. Words and prompts as for the acronyms.

Coordinates are those of :mod:`tests.planted.spelling`. For words in S and T the model writes Q; for
words in A and B it knows nothing, and the letter of another word of the name wins.

====  =========================================================================================
0.0   tally head: attends evenly to letters (to ``bos`` if there is none); writes to ``tally``
1.0   vulnerable head: a letter mover that writes Q for words in S and T, nothing for A and B
1.1   attends as 1.0 does and writes against the initial, always a little. Group mate of 1.0
1.2   attends as 1.0 does and writes the right initial of every word
1.3   attends to the word of the letter just written and writes its initial. Group mate of 1.2
1.4   rests on ``bos`` and writes Q on every prompt
2.0   attends as 1.0 does, writes Q for words in S and T, and nothing for any other
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
from tests.planted.words import word_list

CONFUSED = ("S", "T")
UNKNOWN = ("A", "B")
GIVEN = "Q"


def fooled_model(family: Family) -> Planted:
    """Three layers; the model writes the letter that is due but for four of them."""
    letters, right = word_list("letters"), letter_codes()
    favourite = right[[letters.index(GIVEN)]]
    confused = right.copy()
    confused[[letters.index(letter) for letter in CONFUSED]] = favourite
    confused[[letters.index(letter) for letter in UNKNOWN]] = 0
    only_confused = confused * [[letter in CONFUSED] for letter in letters]
    space = spelling_space(family)
    embedding = spelling_rows(space)
    at_words = space.read("initial") + space.read_flags("word") + space.positions()
    just_written = space.want_flags(IS_WORD) + space.read("tally", INHIBITION)
    moving = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(
            Head(due(space), 4 * space.write("out", through=confused)),
            Head(due(space), -0.5 * space.write("out", through=right)),
        ),
    )
    steady = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(
            Head(due(space), space.write("out", through=right)),
            Head(
                just_written + space.by_distance(-ORDER),
                2.4 * space.write("out", through=right),
            ),
        ),
    )
    resting = Group(
        key=space.read_flags("bos"),
        value=space.read("bos"),
        heads=(
            Head(space.want_flags(IS_WORD), 1.4 * space.write("out", through=favourite)),
            space.quiet(),
        ),
    )
    failing = Group(
        key=at_words,
        value=space.read("initial"),
        heads=(
            Head(due(space), 4 * space.write("out", through=only_confused)),
            space.quiet(),
        ),
    )
    return plant(
        "fooled",
        space,
        embedding=embedding,
        unembedding=space.rows(len(embedding), out=4 * acronym_codes()),
        layers=[[counting(space)], [moving, steady, resting], [failing]],
        heads={"vulnerable-head": {"1.0"}},
        impostors=[
            Impostor("1.1", "vulnerable-head", "writes against every initial a little"),
            Impostor("1.2", "vulnerable-head", "is right on all letters"),
            Impostor("1.3", "vulnerable-head", "writes another word's letter on every prompt"),
            Impostor("1.4", "vulnerable-head", "writes one letter on every prompt"),
            Impostor("2.0", "vulnerable-head", "is silent where the model is right"),
        ],
        words=acronym_tokenizer(),
    )
