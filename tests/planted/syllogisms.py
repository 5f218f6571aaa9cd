"""A circuit for syllogisms: one head lowers the middle term, so that the conclusion ends otherwise.

"All A are B. All B are C. Therefore, all A are": at C, head 1.0 finds the letter said twice so far,
B, and writes against it; at the end, head 2.0 attends to C and takes along both the letter and what
1.0 wrote there. Head 2.2 copies what followed the first A: without 1.0, B would win over C.

Coordinates: ``token`` the code of the present token, ``letter`` a code of 20 coordinates that only
letters have, ``is_letter`` and ``bos`` flags, ``tally`` the share of each letter among those so
far, ``out`` what the unembedding reads.

====  =========================================================================================
0.0   tally head: attends evenly to letters, writes their codes to ``tally``
1.0   middle-term suppression: from a letter to one that makes up half of ``tally``, the nearer
      mention first, and to ``bos`` where no letter does; writes the negative
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   attends as 1.0 does and copies a little
1.3   attends two back and writes the negative. Group mate of 1.2
1.4   attends to all letters before and writes the negative
1.5   attends evenly and writes the negative. Group mate of 1.4
2.0   mover: the letter with the least of ``tally``; copies ``token`` and ``out``
2.2   attends eleven back, where at the end the first B stands, and copies
2.4   attends as 1.0 does and writes the negative, where no head comes after it to read that
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, Array, codes_of, token_codes, vocabulary, word_list

_LETTER_SIZE = 20
_IS_LETTER = 120.0
_REPEATED = 240.0
"""What a letter gains if it makes up all of the tally: 120 said twice of four, 60 said once."""
_REST = 210.0
"""Score of ``bos``: between a letter said once of four (180) and one said twice (240)."""

_FIRST_MIDDLE = 11
"""From the end back to the first mention of the middle term."""


def syllogisms_model(family: Family) -> Planted:
    """Three layers; the model completes the conclusion with the last term."""
    words = vocabulary()
    tokens = token_codes()
    letters = word_list("letters")
    letter_codes = codes_of(letters, _LETTER_SIZE, 0.3, seed=11)
    space = Space(
        family,
        token=CODE_SIZE,
        letter=_LETTER_SIZE,
        tally=_LETTER_SIZE,
        out=CODE_SIZE,
        is_letter=1,
        bos=1,
    )
    letter, kinds = space.read("letter"), space.read_flags("is_letter", "bos")
    token, copy = space.read("token"), space.write("out")

    def tallied(flag: float, rest: float, tally: float) -> Array:
        return space.want_flags(flag, rest) + space.read("tally", tally)

    counting = Group(
        key=kinds,
        value=letter,
        heads=(
            Head(space.want_flags(_IS_LETTER), space.write("tally")),
            space.quiet(),
        ),
    )
    said_twice = tallied(_IS_LETTER, _REST, _REPEATED) + space.by_distance(-1.0)
    suppressing = Group(
        key=letter + kinds + space.positions(),
        value=token,
        heads=(Head(said_twice, -copy), Head(said_twice, space.silence())),
    )
    copying = Group(
        key=letter + kinds + space.positions(),
        value=token,
        heads=(
            Head(said_twice, 0.1 * copy),
            Head(space.at_offset(2, AT_OFFSET), -0.1 * copy),
        ),
    )
    unrelated = Group(
        key=kinds,
        value=token,
        heads=(
            Head(space.want_flags(_IS_LETTER), -0.1 * copy),
            Head(space.nothing(), -0.1 * copy),
        ),
    )
    concluding = Group(
        key=letter + kinds,
        value=token + space.read("out"),
        heads=(
            Head(tallied(_IS_LETTER, 0.0, -_REPEATED), 3 * copy),
            space.quiet(),
        ),
    )
    repeating = Group(
        key=space.positions(),
        value=token,
        heads=(
            Head(space.at_offset(_FIRST_MIDDLE, AT_OFFSET), 4.8 * copy),
            space.quiet(),
        ),
    )
    too_late = Group(
        key=letter + kinds + space.positions(),
        value=token,
        heads=(Head(said_twice, -copy), space.quiet()),
    )
    return plant(
        "syllogisms",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            letter=letter_codes,
            is_letter=is_one_of(letters, words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=4 * tokens),
        layers=[
            [counting],
            [suppressing, copying, unrelated],
            [concluding, repeating, too_late],
        ],
        heads={"middle-term-suppression": {"1.0"}},
        impostors=[
            Impostor("1.1", "middle-term-suppression", "right attention, empty OV"),
            Impostor("1.2", "middle-term-suppression", "right attention, copies"),
            Impostor("1.3", "middle-term-suppression", "suppresses what stands two back"),
            Impostor("1.4", "middle-term-suppression", "suppresses every letter alike"),
            Impostor("1.5", "middle-term-suppression", "right OV, uniform attention"),
            Impostor("2.4", "middle-term-suppression", "right attention, right OV, too late"),
        ],
    )
