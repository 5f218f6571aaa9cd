"""Prompts with answers, which may be sorted by what the model itself answers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Slug
from catalog.schema.builder import Builder

SOLVED = "solved"
"""The variant of prompts answered correctly, beside those answered wrongly."""
GIVEN = "given"
STRONGEST_WRONG = "strongest-wrong"


class Answered(Builder):
    """A builder whose prompts have answers; the first of them is the correct one.

    The model's answer is the token with the highest logit of the whole vocabulary at ``end``.
    ``keep`` says which prompts are left once the model has answered all of them:

    ``answered-correctly``: those with the correct answer, in every variant.

    Where an answer of several tokens stands in the prompt, ``writes`` names the query role of the
    positions before its tokens: the model answers correctly if from each of them it would write the
    very token that follows (after the last, the correct answer). Writing by itself, with the words
    between them given, it would then come to the same prompt, token by token.

    ``answered-wrongly``: those with another answer, in every variant; where ``candidates`` names a
    word list, only answers that are one of its words count as wrong, and a prompt answered by
    anything else is left out, as is one in which fewer than two of the words are one next token.
    Beside them stands the variant ``solved``: the prompts answered correctly, which are other
    prompts of the same draw and so belong to no failed one. Two answers are added. ``given`` is
    the wrong answer; in a solved prompt, which has none, that of a failed prompt drawn
    at random among those that were given something else than its own correct answer, so that both
    sets are measured against the same tokens, as often as each was given.
    ``strongest-wrong`` is the wrong candidate with the highest logit, in a failed prompt the given
    one.
    """

    sorted_answers: ClassVar[frozenset[str]] = frozenset({GIVEN, STRONGEST_WRONG})

    # left out where they are not used, so that older recipes keep their hash
    keep: Annotated[
        Literal["all", "answered-correctly", "answered-wrongly"],
        Field(exclude_if=lambda keep: keep == "all"),
    ] = "all"
    candidates: Annotated[Slug | None, Field(exclude_if=lambda name: name is None)] = None

    writes: Annotated[Slug | None, Field(exclude_if=lambda role: role is None)] = None

    @property
    def is_sorted(self) -> bool:
        """Whether the model's answers decide which prompts are scored."""
        return self.keep != "all"

    @model_validator(mode="after")
    def _candidates_are_used(self) -> Answered:
        if self.candidates and self.keep != "answered-wrongly":
            raise ValueError("'candidates' says which answers are wrong: for answered-wrongly only")
        if self.writes and self.keep != "answered-correctly":
            raise ValueError("'writes' says what a correct answer is: for answered-correctly only")
        return self

    def place_roles(self) -> frozenset[str]:
        """Key roles whose positions are the same for every query."""
        return self.keys

    def variant_names(self) -> frozenset[str]:
        names = super().variant_names()
        return names | {SOLVED} if self.keep == "answered-wrongly" else names

    def answer_roles(self) -> frozenset[str]:
        roles = super().answer_roles()
        return roles | self.sorted_answers if self.keep == "answered-wrongly" else roles
