"""A copy-suppression head and heads that suppress without looking at the prediction.

The embedding predicts: token t writes the code of f(t) to ``out``, where f sends every token to one
of the most frequent words of the natural text, so that the prediction mostly stands in the context.
The unembedding reads ``out`` against the same codes, so that the logit lens before layer 1 ranks
the tokens of the context just as the query of head 1.0 scores them.

Coordinates: ``token`` the code of the present token, ``out`` the prediction.

====  =========================================================================================
1.0   copy suppression: query ``out``, key ``token``; writes the negative of the token to ``out``
1.1   negative as 1.0, attends 2 back. Group mate of 1.0
1.2   attention as 1.0, and writes nothing
1.3   attention as 1.0, and copies: it boosts what is predicted. Group mate of 1.2
1.4   negative as 1.0, attends evenly
1.5   negative as 1.0, attends to where the *present* token stood before, predicted or not. Group
      mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.induction import SELF_PENALTY
from tests.planted.space import AT_OFFSET, SHARP, Family, Group, Head, Space
from tests.planted.words import CODE_SIZE, SPECIALS, Array, ids, passages, token_codes, vocabulary

_FREQUENT = 12
"""Every token predicts one of so many frequent words."""


@lru_cache
def predictions() -> tuple[int, ...]:
    """f: for each token the id of the frequent word that it predicts (never itself)."""
    counts = Counter(word for text in passages() for word in re.findall(r"\w+|[^\w\s]", text))
    frequent = ids(tuple(word for word, _ in counts.most_common(_FREQUENT)))
    drawn = np.random.default_rng(4).integers(_FREQUENT, size=len(vocabulary()))
    return tuple(
        frequent[(pick + 1) % _FREQUENT] if frequent[pick] == token else frequent[pick]
        for token, pick in enumerate(drawn)
    )


def predicting_embedding(space: Space) -> Array:
    """Tokens with their code and their prediction; the specials have neither."""
    tokens = token_codes()
    predicted = tokens[list(predictions())]
    predicted[: len(SPECIALS)] = 0.0
    return space.rows(len(tokens), token=tokens, out=predicted)


def suppression_model(family: Family) -> Planted:
    """Two layers (the first idle); the second lowers what the embedding predicts."""
    space = Space(family, token=CODE_SIZE, out=CODE_SIZE)
    tokens = token_codes()
    token = space.read("token")
    predicted = space.read("out", 2 * SHARP)
    negative = space.write("out", -0.5)

    suppressing = Group(
        key=token + space.positions(),
        value=token,
        heads=(Head(predicted, negative), Head(space.at_offset(2, AT_OFFSET), negative / 4)),
    )
    not_suppressing = Group(
        key=token,
        value=token,
        heads=(Head(predicted, space.silence()), Head(predicted, -negative / 4)),
    )
    unrelated = Group(
        key=token + space.positions(),
        value=token,
        heads=(
            Head(space.nothing(), negative / 4),
            Head(space.read("token", SHARP) + space.at_offset(0, -SELF_PENALTY), negative / 4),
        ),
    )
    return plant(
        "suppression",
        space,
        embedding=predicting_embedding(space),
        unembedding=space.rows(len(tokens), out=8 * tokens),
        layers=[[], [suppressing, not_suppressing, unrelated]],
        heads={
            "copy-suppression": {"1.0"},
            "positional": {"1.1"},
            "duplicate-token": {"1.5"},
        },
        impostors=[
            Impostor("1.1", "copy-suppression", "suppresses what stands two back"),
            Impostor("1.1", "previous-token", "fixed offset, but not 1"),
            Impostor("1.2", "copy-suppression", "right attention, empty OV"),
            Impostor("1.3", "copy-suppression", "right attention, copies"),
            Impostor("1.4", "copy-suppression", "suppresses everything evenly"),
            Impostor("1.5", "anti-induction", "suppresses the copy itself"),
            Impostor("1.5", "copy-suppression", "suppresses the present token's earlier copies"),
        ],
    )
