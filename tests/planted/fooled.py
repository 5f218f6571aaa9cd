"""Letter movers that are fooled: of no type, for the limits. Words, prompts as for the acronyms.

Coordinates: ``token`` the code of the present token; ``initial`` the letter that a word of a name
starts with, at its first token; ``written`` the letter that a letter is; flags ``word``, ``letter``
and ``bos``; ``tally``; ``out`` what the unembedding reads.

====  =========================================================================================
0.0   tally head: attends evenly to letters (to ``bos`` if there is none); writes to ``tally``
1.0   vulnerable head: a letter mover that writes Q for words in A and S
1.1   attends as 1.0 does and writes against the initial, always a little. Group mate of 1.0
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.acronyms import acronym_tokenizer, acronym_tokens
from tests.planted.build import Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, SPECIALS, Array, codes, word_list

FOOLING = ("A", "S")
GIVEN = "Q"
_FIRST = 3
_FLAG = 1200.0
_INHIBITION = 400.0
_ORDER = 6.0


def fooled_model(family: Family) -> Planted:
    """Two layers; the model writes the letter that is due, or Q."""
    words = acronym_tokens()
    letters = word_list("letters")
    alphabet = len(letters)
    tokens = np.zeros((len(words), CODE_SIZE))
    tokens[len(SPECIALS) :] = codes(len(words) - len(SPECIALS), CODE_SIZE, 0.5, seed=11)
    starts = {word[:_FIRST] for word in word_list("acronym-words")}
    of_letters = tokens[[words.index(letter) for letter in letters]]
    confused = of_letters.copy()
    for letter in FOOLING:
        confused[letters.index(letter)] = of_letters[letters.index(GIVEN)]

    def letter_of(chosen: set[str]) -> Array:
        """(tokens, 26): which letter a token of a set starts with."""
        return np.array([[w in chosen and w[0] == a for a in letters] for w in words], dtype=float)

    space = Space(
        family,
        token=CODE_SIZE,
        initial=alphabet,
        written=alphabet,
        tally=alphabet,
        out=CODE_SIZE,
        word=1,
        letter=1,
        bos=1,
    )
    due = space.want_flags(_FLAG) + space.read("tally", -_INHIBITION) + space.by_distance(_ORDER)
    counting = Group(
        key=space.read_flags("letter", "bos"),
        value=space.read("written"),
        heads=(
            Head(space.want_flags(120.0, 60.0), space.write("tally", through=np.eye(alphabet))),
            Head(space.nothing(), space.silence()),
        ),
    )
    moving = Group(
        key=space.read("initial") + space.read_flags("word") + space.positions(),
        value=space.read("initial"),
        heads=(
            Head(due, 4 * space.write("out", through=confused)),
            Head(due, -0.5 * space.write("out", through=of_letters)),
        ),
    )
    return plant(
        "fooled",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            initial=letter_of(starts),
            written=letter_of(set(letters)),
            word=is_one_of(sorted(starts), words),
            letter=is_one_of(letters, words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[[counting, space.idle(), space.idle()], [moving, space.idle(), space.idle()]],
        heads={},
        impostors=[],
        words=acronym_tokenizer(),
    )
