"""A small circuit for reviews: one head gathers sentiment, others read it off, early or late.

"Mary thought that the film was lovely. In short, the film was": head 0.0 takes the sentiment of
the adjective to the second mention of the film; 1.0 reads it there, 1.2 reads the adjective itself.

Coordinates: ``token`` the code of the present token; ``valence`` 1, -1 or 0; flags ``loaded``
(whether valence is not 0), ``adjective`` (loaded or neutral), ``subject`` (what reviews are about)
and ``bos``; ``gathered`` the valence taken to a subject; ``verdict`` what good and bad are read
from.

====  =========================================================================================
0.0   sentiment summarizer: from a subject to ``loaded``; writes ``valence`` to ``gathered``
0.1   from a subject to any ``adjective``, loaded or not. Group mate of 0.0
1.0   summary reader: the nearest ``subject``; writes ``gathered`` to ``verdict``
1.1   attends as 1.0 does and writes nothing. Group mate of 1.0
1.2   direct sentiment head: ``loaded``; writes ``valence`` to ``verdict``
1.3   attends as 1.2 does and writes nothing. Group mate of 1.2
1.4   attends evenly and writes ``valence`` a little
1.5   attends to ``bos`` and votes for good. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import Family, Group, Head, Space, is_one_of
from tests.planted.words import CODE_SIZE, token_codes, vocabulary, word_list

_FLAG = 60.0
_RECENT = -2.0


def reviews_model(family: Family) -> Planted:
    """Two layers; the model says good or bad."""
    words = vocabulary()
    tokens = token_codes()
    good, bad = (is_one_of(word_list(f"{s}-adjectives"), words) for s in ("positive", "negative"))
    neutral = is_one_of(word_list("neutral-adjectives"), words)
    space = Space(
        family,
        token=CODE_SIZE,
        out=CODE_SIZE,
        valence=1,
        loaded=1,
        adjective=1,
        subject=1,
        bos=1,
        gathered=1,
        verdict=1,
    )

    gathering = Group(
        key=space.read_flags("loaded", "adjective"),
        value=space.read_flags("valence"),
        heads=(
            Head(space.want_flags_if("subject", _FLAG), space.write_flags("gathered")),
            Head(space.want_flags_if("subject", 0.0, _FLAG), space.silence()),
        ),
    )
    nearest_subject = space.want_flags(10 * _FLAG) + space.by_distance(_RECENT)
    reading = Group(
        key=space.read_flags("subject") + space.positions(),
        value=space.read_flags("gathered"),
        heads=(
            Head(nearest_subject, space.write_flags("verdict")),
            Head(nearest_subject, space.silence()),
        ),
    )
    direct = Group(
        key=space.read_flags("loaded"),
        value=space.read_flags("valence"),
        heads=(
            Head(space.want_flags(_FLAG), space.write_flags("verdict")),
            Head(space.want_flags(_FLAG), space.silence()),
        ),
    )
    other = Group(
        key=space.read_flags("bos"),
        value=space.read_flags("valence", "bos"),
        heads=(
            Head(space.nothing(), 0.5 * space.write_flags("verdict")),
            Head(space.want_flags(_FLAG), 0.2 * space.write_flags(None, "verdict")),
        ),
    )
    answers = is_one_of(("good",), words) - is_one_of(("bad",), words)
    return plant(
        "reviews",
        space,
        embedding=space.rows(
            len(words),
            token=tokens,
            valence=good - bad,
            loaded=good + bad,
            adjective=good + bad + neutral,
            subject=is_one_of(word_list("review-subjects"), words),
            bos=np.eye(len(words))[0],
        ),
        unembedding=space.rows(len(words), verdict=8 * answers),
        layers=[
            [gathering],
            [reading, direct, other],
        ],
        heads={
            "sentiment-summarizer": {"0.0"},
            "summary-reader": {"1.0"},
            "direct-sentiment-head": {"1.2"},
        },
        impostors=[
            Impostor("0.1", "sentiment-summarizer", "any adjective"),
            Impostor("1.2", "sentiment-summarizer", "attends to sentiment from anywhere"),
            Impostor("1.4", "sentiment-summarizer", "uniform attention"),
            Impostor("1.1", "summary-reader", "right attention, empty OV"),
            Impostor("1.2", "summary-reader", "reads the adjective itself"),
            Impostor("1.5", "summary-reader", "votes for good whatever the review"),
            Impostor("1.3", "direct-sentiment-head", "right attention, empty OV"),
            Impostor("1.0", "direct-sentiment-head", "reads the summary"),
            Impostor("1.5", "direct-sentiment-head", "votes for good whatever the review"),
            Impostor("1.4", "direct-sentiment-head", "right OV, uniform attention"),
        ],
    )
