"""A successor head, and a copying head behind a first MLP that already maps to the successor.

A word of a series has a code of cosines and sines of its place: for a series of n words, three
angles that are multiples of 2 pi / n, in six coordinates of the series' own. One rotation takes
every word of a series to the next; the last goes to the first.

Coordinates: ``token`` the code of the present token (not the series words), ``place`` the series
code, ``shown`` the series code once more, to which the first MLP adds 1.5 times the code of the
*next* word; ``out`` and ``next``, which the unembedding reads against ``token`` and ``place``.

====  =========================================================================================
1.0   successor head: reads ``place``, rotates, writes to ``next``; attends to itself
1.1   copies ``place`` to ``next``: the word itself. Group mate of 1.0
1.2   copies ``shown`` to ``next``: the MLP's successor, not its own; attends to itself
1.3   rotates ``shown`` back and copies: undoes the MLP. Group mate of 1.2
1.4   successor OV with the rotation backwards: the predecessor
1.5   writes nothing. Group mate of 1.4
====  =========================================================================================
"""

from __future__ import annotations

import numpy as np

from tests.planted.build import Impostor, Planted, plant
from tests.planted.space import AT_OFFSET, Family, FirstMLP, Group, Head, Space
from tests.planted.words import Array, ids, token_codes, vocabulary, word_list

SERIES = ("days", "months", "number-words", "ordinal-words", "letters")
_ANGLES = 3
_TOKEN_SIZE = 40
_PLACE_SIZE = 2 * _ANGLES * len(SERIES)
_FROM_MLP = 1.5
"""The MLP's successor outweighs the word itself in ``shown``."""


def _multiples(count: int) -> Array:
    """Three multiples of the series' angle; the first alone tells all its words apart."""
    return np.array([1, 2, 3]) * 2 * np.pi / count


def place_codes() -> Array:
    """(tokens, 30): unit codes of the series words, zero for all others."""
    table = np.zeros((len(vocabulary()), _PLACE_SIZE))
    for index, name in enumerate(SERIES):
        words = word_list(name)
        angles = np.arange(len(words))[:, None] * _multiples(len(words))
        waves = np.stack([np.cos(angles), np.sin(angles)], axis=2).reshape(len(words), -1)
        start = index * 2 * _ANGLES
        table[ids(words), start : start + 2 * _ANGLES] = waves / np.sqrt(_ANGLES)
    return table


def next_place() -> Array:
    """(30, 30): the rotation (of row vectors) that takes each series word to the next."""
    rotation = np.zeros((_PLACE_SIZE, _PLACE_SIZE))
    for index, name in enumerate(SERIES):
        for pair, angle in enumerate(_multiples(len(word_list(name)))):
            at = index * 2 * _ANGLES + 2 * pair
            cos, sin = np.cos(angle), np.sin(angle)
            rotation[at : at + 2, at : at + 2] = [[cos, sin], [-sin, cos]]
    return rotation


def successor_model(family: Family) -> Planted:
    """Two layers and a first MLP that matters; the model says the next word of a series."""
    space = Space(
        family,
        token=_TOKEN_SIZE,
        place=_PLACE_SIZE,
        shown=_PLACE_SIZE,
        out=_TOKEN_SIZE,
        next=_PLACE_SIZE,
    )
    places = place_codes()
    tokens = token_codes()[:, :_TOKEN_SIZE] * (np.linalg.norm(places, axis=1, keepdims=True) == 0.0)
    step = next_place()
    itself = space.at_offset(0, AT_OFFSET)
    plain = np.eye(_PLACE_SIZE)

    def group(block: str, first: Array, second: Array) -> Group:
        return Group(
            key=space.positions(),
            value=space.read(block),
            heads=(
                Head(itself, space.write("next", through=first)),
                Head(itself, space.write("next", through=second)),
            ),
        )

    return plant(
        "successor",
        space,
        embedding=space.rows(len(tokens), token=tokens, place=places, shown=places),
        unembedding=space.rows(len(tokens), out=8 * tokens, next=8 * places),
        first_mlp=FirstMLP(
            read=space.read("place")[:, space.code[:_PLACE_SIZE]],
            write=_FROM_MLP * space.write("shown", through=step)[space.code[:_PLACE_SIZE]],
        ),
        layers=[
            [],
            [
                group("place", 4 * step, 0.5 * plain),
                group("shown", 0.5 * plain, 0.5 * step.T),
                group("place", 0.5 * step.T, 0 * plain),
            ],
        ],
        heads={"successor": {"1.0"}},
        impostors=[
            Impostor("1.1", "successor", "copies the word itself"),
            Impostor("1.2", "successor", "copies what the first MLP mapped to the successor"),
            Impostor("1.3", "successor", "undoes what the first MLP did"),
            Impostor("1.4", "successor", "maps to the predecessor"),
            Impostor("1.0", "previous-token", "attends to itself"),
            Impostor("1.0", "positional", "attends to itself"),
        ],
    )
