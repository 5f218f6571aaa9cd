"""Letter movers that are fooled: of no type, for the limits. Words, prompts as for the acronyms.

Coordinates are those of :mod:`tests.planted.spelling`.

====  =========================================================================================
0.0   tally head: attends evenly to letters (to ``bos`` if there is none); writes to ``tally``
1.0   vulnerable head: a letter mover that writes Q for words in A and S
1.1   attends as 1.0 does and writes against the initial, always a little. Group mate of 1.0
====  =========================================================================================
"""

from __future__ import annotations

from tests.planted.build import Planted, plant
from tests.planted.space import Family, Group, Head
from tests.planted.spelling import (
    acronym_codes,
    acronym_tokenizer,
    counting,
    due,
    letter_codes,
    spelling_rows,
    spelling_space,
)
from tests.planted.words import word_list

FOOLING = ("A", "S")
GIVEN = "Q"


def fooled_model(family: Family) -> Planted:
    """Two layers; the model writes the letter that is due, or Q."""
    letters, right = word_list("letters"), letter_codes()
    confused = right.copy()
    for letter in FOOLING:
        confused[letters.index(letter)] = right[letters.index(GIVEN)]
    space = spelling_space(family)
    embedding = spelling_rows(space)
    moving = Group(
        key=space.read("initial") + space.read_flags("word") + space.positions(),
        value=space.read("initial"),
        heads=(
            Head(due(space), 4 * space.write("out", through=confused)),
            Head(due(space), -0.5 * space.write("out", through=right)),
        ),
    )
    return plant(
        "fooled",
        space,
        embedding=embedding,
        unembedding=space.rows(len(embedding), out=4 * acronym_codes()),
        layers=[[counting(space)], [moving]],
        heads={},
        impostors=[],
        words=acronym_tokenizer(),
    )
