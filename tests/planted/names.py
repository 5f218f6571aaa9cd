"""What both models of the indirect object task have: codes of names, and scores for the heads."""

from __future__ import annotations

from tests.planted.words import Array, codes_of, word_list

NAME_SIZE = 24
IS_NAME = 120.0
"""Score of a name; a key that is no name scores 0."""
INHIBITION = 120.0
"""What a name loses if it makes up all of the tally: 40 between the subject and the other."""


def name_codes() -> Array:
    """(tokens, NAME_SIZE): the code of every name; zero for all other tokens."""
    return codes_of(word_list("names"), NAME_SIZE, 0.5, seed=2)
