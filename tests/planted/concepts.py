"""Heads that find a word again: by its end, by its beginning, known or not.

A passage of one-token words and split ones comes twice (the tokenizer is that of
:mod:`tests.planted.pieces`). At the one-token word before a split one, head 2.0 attends to the last
piece of the split word's first occurrence and takes along what follows the first piece; one token
later, head 3.0 reads that.

Coordinates, codes of 24: ``token`` the present token; ``previous`` the token before; ``before`` the
nearest one-token word, which for a piece is the one before its word; ``expected``, of a last piece
those that stand before it in words; ``meaning``, of a last piece all pieces of its word but the
first; ``carried``; ``out``, which the unembedding reads. Flags: ``whole`` for one-token words,
``final`` for last pieces, ``bos``, ``known`` for the end of a word that exists.

====  =========================================================================================
0.0   previous-token head: writes to ``previous``
0.2   the nearest ``whole`` word; writes its code to ``before``
1.0   from a last piece to the token before it, if that is ``expected``, else ``bos``; writes
      ``known``
2.0   concept-induction head: ``known`` with the query's ``token`` in ``before``, the last of these;
      writes ``meaning`` to ``carried``
2.1   skips ahead: the same with ``final``, known or not. Group mate of 2.0
2.2   token-induction head: the query's token in ``previous``; copies
2.3   the end of any known word. Group mate of 2.2
2.4   matches its own token; copies
2.5   attends evenly. Group mate of 2.4
3.0   one back; writes ``carried`` to ``out``
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.pieces import pieces, pieces_of, pieces_tokenizer
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import SPECIALS, Array, codes, word_list

_SIZE = 24
_REST = 190.0
"""Score of ``bos``: between any token one back (160 at most) and the right one there (220)."""
_FLAG = 120.0


def concepts_model(family: Family, *, carries: bool = True) -> Planted:
    """Four layers; the model completes a split word of which it sees the first piece again.

    Args:
        family: of the model.
        carries: whether 2.0 writes anything.
    """
    words = pieces()
    at = {word: i for i, word in enumerate(words)}
    tokens = np.zeros((len(words), _SIZE))
    tokens[len(SPECIALS) :] = codes(len(words) - len(SPECIALS), _SIZE, 0.6, seed=12)
    split = [pieces_of(word) for word in word_list("long-words")]
    expected, meaning = np.zeros_like(tokens), np.zeros_like(tokens)
    for last_piece in {word[-1] for word in split}:
        before_it = sorted({at[word[-2]] for word in split if word[-1] == last_piece})
        # matches each of them by exactly 1
        expected[at[last_piece]] = np.linalg.pinv(tokens[before_it]) @ np.ones(len(before_it))
    for word in split:
        meaning[at[word[-1]]] = sum(tokens[at[piece]] for piece in word[1:])
    space = Space(
        family,
        token=_SIZE,
        previous=_SIZE,
        before=_SIZE,
        expected=_SIZE,
        meaning=_SIZE,
        carried=_SIZE,
        out=_SIZE,
        whole=1,
        final=1,
        bos=1,
        known=1,
    )
    token, here = space.read("token"), space.positions()
    copy = space.write("out", 0.1)
    silent = space.quiet()
    same = space.read("token", SHARP)
    last = 2 * same + space.by_distance(-1.5)

    def not_bos() -> Array:
        value = space.nothing()
        value[space.size, space.flags[0]] = 1.0
        value[space.blocks["bos"], space.flags[0]] = -1.0
        return value

    looking_back = Group(
        key=here,
        value=token,
        heads=(Head(space.at_offset(1, AT_OFFSET), space.write("previous")), silent),
    )
    gathering = Group(
        key=here + space.read_flags("whole"),
        value=token,
        heads=(
            Head(space.want_flags(10 * _FLAG) + space.by_distance(-3.0), space.write("before")),
            silent,
        ),
    )
    knowing = Group(
        key=here + token + space.read_flags("bos"),
        value=not_bos(),
        heads=(
            Head(
                space.read("expected", SHARP)
                + space.at_offset(1, AT_OFFSET)
                + space.want_flags(_REST),
                space.write_flags("known"),
            ),
            silent,
        ),
    )
    ends = Group(
        key=here + space.read("before") + space.read_flags("known", "final"),
        value=space.read("meaning"),
        heads=(
            Head(
                last + space.want_flags(_FLAG),
                space.write("carried") if carries else space.silence(),
            ),
            Head(last + space.want_flags(0.0, _FLAG), space.silence()),
        ),
    )
    beginnings = Group(
        key=space.read("previous") + space.read_flags("known"),
        value=token,
        heads=(Head(same, 2 * copy), Head(space.want_flags(_FLAG), copy)),
    )
    other = Group(
        key=token,
        value=token,
        heads=(Head(same, copy), Head(space.nothing(), copy)),
    )
    finishing = Group(
        key=here,
        value=space.read("carried"),
        heads=(Head(space.at_offset(1, AT_OFFSET), 2 * space.write("out")), silent),
    )
    lasts = [word[-1] for word in split]
    firsts = {word[0] for word in split}  # some are nouns too
    return plant(
        "concepts",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            expected=expected,
            meaning=meaning,
            whole=is_one_of(sorted(set(word_list("nouns")) - firsts), words),
            final=is_one_of(lasts, words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), out=8 * tokens),
        layers=[
            [looking_back, gathering],
            [knowing],
            [ends, beginnings, other],
            [finishing],
        ],
        heads={"concept-induction": {"2.0"}},
        impostors=[
            Impostor("2.1", "concept-induction", "skips ahead to the end of words and non-words"),
            Impostor("2.2", "concept-induction", "token induction: the first piece"),
            Impostor("2.3", "concept-induction", "the end of any known word"),
            Impostor("2.4", "concept-induction", "attends to the copy of the present token"),
            Impostor("2.5", "concept-induction", "uniform attention"),
        ],
        words=pieces_tokenizer(),
    )
