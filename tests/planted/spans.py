"""Heads that are known by how far they look: near, within a sentence, far back; and rare words.

Coordinates: ``token`` the code of the present token, ``previous`` that of the token before,
``context`` a fading trace of the tokens before, ``bos``, ``stop`` and ``rarity`` (0 for a frequent
word of the text, 1 for one that stands there once), ``passed`` which falls with every full stop
passed, ``out`` what the unembedding reads.

====  =========================================================================================
0.0   local head: the nearer the better, three tokens have almost all
0.1   local-context head: the same within two dozen. Group mate of 0.0
0.2   previous-token head: offset 1, writes to ``previous``
0.3   attends to ``bos`` and ``stop`` alike and writes the share of ``bos``, 1/(1 + full stops), to
      ``passed``. Group mate of 0.2
0.4   matches its own token, itself among the places where it stands
0.5   attends evenly. Group mate of 0.4
1.0   block head: the lower ``passed`` the better, which is the query's own sentence
1.1   the nearer the better within a dozen tokens, whatever the sentence. Group mate of 1.0
1.2   attends to what followed the present token before, and rests on ``bos`` where it finds
      nothing; copies
1.3   attends to ``bos`` and otherwise as 1.2 would to other tokens. Group mate of 1.2
1.4   the nearer the better, over ``previous``; writes to ``context``
1.5   rare-words head: ``rarity``. Group mate of 1.4
2.0   memory head: query ``token``, key ``context``: what followed the copy, fading with distance
2.1   the same key with another query. Group mate of 2.0
====  =========================================================================================
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.induction import some_rotation
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space, is_one_of
from tests.planted.words import (
    CODE_SIZE,
    OUT_SIZE,
    Array,
    passages,
    token_codes,
    tokenizer,
    vocabulary,
)

_REST = 90.0
"""Score of ``bos`` for a head that rests there: below a match, above any other token."""
_FLAG = 40.0
_SENTENCE = 900.0
_RARE = 24.0
_RECALL = 34.0


def rarity() -> Array:
    """(tokens,): 1 for a word that the text holds once, less by its logarithm for others."""
    encode = tokenizer()
    counts = Counter(i for text in passages() for i in encode(text)["input_ids"])
    known = np.array([counts.get(i, 0) for i in range(len(vocabulary()))], dtype=float)
    marks = is_one_of((".", ",", "?", "!"), vocabulary())
    return np.where((known > 0) & (marks == 0.0), 1 - np.log(np.maximum(known, 1)) / 5, 0.0)


def spans_model(family: Family) -> Planted:
    """Three layers of heads that are told apart by how far they look."""
    words = vocabulary()
    codes = token_codes()
    space = Space(
        family,
        token=CODE_SIZE,
        previous=CODE_SIZE,
        context=CODE_SIZE,
        out=OUT_SIZE,
        bos=1,
        stop=1,
        rarity=1,
        passed=1,
    )
    token, previous = space.read("token"), space.read("previous")
    copy = space.write("out", 0.1)

    near = Group(
        key=space.positions(),
        value=token,
        heads=(Head(space.by_distance(-1.2), copy), Head(space.by_distance(-0.15), copy)),
    )
    looking_back = Group(
        key=space.positions() + space.read_flags("bos", "stop"),
        value=token + space.read_flags("bos"),
        heads=(
            Head(space.at_offset(1, AT_OFFSET), space.write("previous")),
            Head(space.want_flags(_FLAG, _FLAG), space.write_flags("passed")),
        ),
    )
    same = Group(
        key=token,
        value=token,
        heads=(Head(space.read("token", SHARP), copy), Head(space.nothing(), copy)),
    )
    in_sentence = Group(
        key=space.positions() + space.read_flags("passed"),
        value=token,
        heads=(Head(space.want_flags(-_SENTENCE), copy), Head(space.by_distance(-0.2), copy)),
    )
    resting = Group(
        key=previous + space.read_flags("bos"),
        value=token,
        heads=(
            Head(space.read("token", SHARP) + space.want_flags(_REST), 5 * copy),
            Head(space.want_flags(_FLAG), copy),
        ),
    )
    trace = Group(
        key=space.positions() + space.read_flags("rarity"),
        value=previous,
        heads=(
            Head(space.by_distance(-0.25), space.write("context")),
            Head(space.want_flags(_RARE), copy),
        ),
    )
    recalling = Group(
        key=space.read("context"),
        value=token,
        heads=(
            Head(space.read("token", _RECALL), copy),
            Head(space.read("token", _RECALL, through=some_rotation(CODE_SIZE, seed=6)), copy),
        ),
    )
    return plant(
        "spans",
        space,
        embedding=space.rows(
            len(words),
            token=codes,
            bos=np.eye(len(words))[0],
            stop=is_one_of((".", "?", "!"), words),
            rarity=rarity(),
        ),
        unembedding=space.rows(len(words), out=8 * codes[:, :OUT_SIZE]),
        layers=[
            [near, looking_back, same],
            [in_sentence, resting, trace],
            [recalling],
        ],
        heads={
            "previous-token": {"0.2"},
            "positional": {"0.2"},
            "local-head": {"0.0", "0.2"},
            "local-context-head": {"0.0", "0.1", "0.2", "1.1", "1.4"},
            "streaming-head": {"0.0", "0.1", "0.2", "1.1", "1.3", "1.4"},
            "block-head": {"1.0"},
            "attention-sink": {"1.2", "1.3"},
            "rare-words-head": {"1.5"},
            "cmr-like": {"2.0"},
            "global-retrieval": {"0.4", "1.2", "2.0"},
            "induction": {"1.2", "2.0"},
        },
        impostors=[
            Impostor("0.1", "local-head", "looks over two dozen tokens"),
            Impostor("1.3", "local-head", "sink"),
            Impostor("0.5", "local-head", "uniform attention"),
            Impostor("1.3", "local-context-head", "sink"),
            Impostor("1.2", "local-context-head", "retrieval head that rests on the first token"),
            Impostor("1.2", "streaming-head", "retrieval head that rests on the first token"),
            Impostor("0.5", "streaming-head", "uniform attention"),
            Impostor("0.1", "global-retrieval", "looks over two dozen tokens"),
            Impostor("2.1", "global-retrieval", "other query for the same keys"),
            Impostor("0.4", "diagonal-head", "matches its own token, also where it stood before"),
            Impostor("0.0", "diagonal-head", "looks at the last three tokens"),
            Impostor("0.2", "block-head", "previous-token head"),
            Impostor("1.1", "block-head", "looks a dozen tokens back, whatever the sentence"),
            Impostor("0.5", "block-head", "uniform attention"),
            Impostor("0.5", "rare-words-head", "uniform attention"),
            Impostor("0.2", "rare-words-head", "previous-token head"),
            Impostor("0.3", "rare-words-head", "attends to the first token and to full stops"),
            Impostor("1.2", "cmr-like", "attends right after the copy and nowhere else near it"),
            Impostor("0.1", "cmr-like", "looks over two dozen tokens"),
            Impostor("0.3", "attention-sink", "attends to the first token and to full stops"),
        ],
    )
