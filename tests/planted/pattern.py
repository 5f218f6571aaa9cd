"""Heads that are known by where they look: position, repetition, sinks.

Coordinates: ``token`` the code of the present token, ``neighbours`` a code close to those of the
tokens that stand right before this one in the natural text, ``bos``, ``mark`` and ``name`` flags
(position 0's token, punctuation, first names), ``out`` what the unembedding reads.

====  =========================================================================================
0.0   previous-token head: offset 1
0.1   positional head: offset 3. Group mate of 0.0
0.2   attends to itself
0.3   duplicate-token head: key ``token``, its own position held down. Group mate of 0.2
0.4   attention sink: attends to ``bos``
0.5   attends to delimiters: ``bos`` and ``mark`` alike. Group mate of 0.4
1.0   attends evenly
1.1   attends to ``name``, whichever it is. Group mate of 1.0
1.2   follows content that happens to be adjacent: query ``neighbours``, key ``token``, the more
      recent first where several match. In natural text it mostly looks one back
1.3   duplicates of names only: key ``token`` where it is a name. Group mate of 1.2
====  =========================================================================================

All of them copy a little, so that no head can be told by an empty output.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.induction import SELF_PENALTY
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    SPECIALS,
    Array,
    passages,
    token_codes,
    tokenizer,
    vocabulary,
    word_list,
)

_FLAG = 40.0
_RECENCY = 0.4
"""How much the content-adjacent head prefers a key over one that stands one further back."""
_LOUDER = 20.0
"""The ``neighbours`` codes are long; the embedding holds them divided by this."""


@lru_cache
def neighbour_codes() -> Array:
    """(tokens, CODE_SIZE): for each token a code that picks the tokens that precede it in the text.

    Found by logistic regression, plain gradient steps from zero: in each passage, the softmax over
    earlier tokens s of <neighbours t, code s> plus the preference for recent ones should be on the
    position right before t. A token's code only has to tell its predecessors from the other words
    of the same passages. Tokens that the text does not hold keep zero.
    """
    codes, encode = token_codes(), tokenizer()
    texts = [np.array([0, *encode(passage)["input_ids"]]) for passage in passages()]
    found = np.zeros_like(codes)
    for _ in range(100):
        step = np.zeros_like(codes)
        for text in texts:
            scores = found[text] @ codes[text].T
            distance = np.subtract.outer(np.arange(len(text)), np.arange(len(text)))
            scores = np.where(distance >= 0, scores - _RECENCY * distance, -np.inf)
            chances = np.exp(scores - scores.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            error = np.eye(len(text), k=-1) - chances
            error[0] = 0.0
            np.add.at(step, text, error @ codes[text])
        found += step / np.maximum(1.0, np.sqrt(np.abs(step).sum(1, keepdims=True)))
    return found


def pattern_model(family: Family) -> Planted:
    """Two layers of heads that are told apart by their attention alone."""
    words = vocabulary()
    codes = token_codes()
    names = is_one_of(word_list("names"), words)
    marks = np.array([float(re.fullmatch(r"[^\w\s]", word) is not None) for word in words])
    neighbours = neighbour_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        neighbours=CODE_SIZE,
        named=CODE_SIZE,
        out=32,
        bos=1,
        mark=1,
        name=1,
    )
    token = space.read("token")
    copy = space.write("out", 0.1)
    by_position = Group(
        key=space.positions(),
        value=token,
        heads=(
            Head(space.at_offset(1, AT_OFFSET), copy),
            Head(space.at_offset(3, AT_OFFSET), copy),
        ),
    )
    by_token = Group(
        key=token + space.positions(),
        value=token,
        heads=(
            Head(space.at_offset(0, AT_OFFSET), copy),
            Head(space.read("token", SHARP) + space.at_offset(0, -SELF_PENALTY), copy),
        ),
    )
    sinks = Group(
        key=space.read_flags("bos", "mark"),
        value=token,
        heads=(
            Head(space.want_flags(_FLAG), copy),
            Head(space.want_flags(_FLAG, _FLAG), copy),
        ),
    )
    evenly = Group(
        key=space.read_flags("name"),
        value=token,
        heads=(Head(space.nothing(), copy), Head(space.want_flags(_FLAG), copy)),
    )
    by_content = Group(
        key=token + space.positions(),
        value=token,
        heads=(
            Head(space.read("neighbours", _LOUDER) + space.by_distance(-_RECENCY), copy),
            Head(space.read("named", SHARP) + space.at_offset(0, -SELF_PENALTY), copy),
        ),
    )
    assert words[0] == SPECIALS[0]
    return plant(
        "pattern",
        space,
        embedding=space.rows(
            len(words),
            token=codes,
            neighbours=neighbours / _LOUDER,
            named=codes * names[:, None],
            bos=np.eye(len(words))[0],
            mark=marks,
            name=names,
        ),
        unembedding=space.rows(len(words), out=codes[:, :32]),
        layers=[[by_position, by_token, sinks], [evenly, by_content]],
        heads={
            "previous-token": {"0.0"},
            "positional": {"0.0", "0.1"},
            "duplicate-token": {"0.3"},
            "attention-sink": {"0.4"},
            "diagonal-head": {"0.2"},
            "delimiter-head": {"0.5"},
        },
        impostors=[
            Impostor("0.1", "previous-token", "fixed offset, but not 1"),
            Impostor("0.2", "previous-token", "attends to itself"),
            Impostor("0.4", "previous-token", "sink"),
            Impostor("1.2", "previous-token", "follows content that happens to be adjacent"),
            Impostor("0.2", "positional", "attends to itself"),
            Impostor("0.4", "positional", "sink"),
            Impostor("1.2", "positional", "follows content that happens to be adjacent"),
            Impostor("0.2", "duplicate-token", "attends to itself"),
            Impostor("1.1", "duplicate-token", "attends to any name"),
            Impostor("1.3", "duplicate-token", "matches names only"),
            Impostor("1.0", "attention-sink", "uniform attention"),
            Impostor("0.5", "attention-sink", "attends to any delimiter"),
            Impostor("0.3", "diagonal-head", "matches the earlier copies of its token"),
            Impostor("1.0", "diagonal-head", "uniform attention"),
            Impostor("1.0", "delimiter-head", "uniform attention"),
            Impostor("0.0", "delimiter-head", "previous-token head"),
            Impostor("0.4", "delimiter-head", "sink"),
        ],
    )
