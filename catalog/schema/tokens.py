"""What measures read that look at weights only: tokens, and no prompts."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from catalog.schema.base import Slug, Strict
from catalog.schema.builder import Builder, Seed


class TokenSource(Strict):
    """Where tokens come from: a random ``sample`` of the vocabulary, or word lists.

    ``initials`` names a list of letters: each word then stands for its first token, as a source,
    and for its initial among these letters, as a target.
    """

    sample: Annotated[int, Field(ge=10, le=1_000_000)] | None = None
    vocabulary: Annotated[tuple[Slug, ...], Field(min_length=1)] | None = None
    # left out where it is not used, so that older recipes keep their hash
    initials: Annotated[Slug | None, Field(exclude_if=lambda name: name is None)] = None

    @model_validator(mode="after")
    def _one(self) -> TokenSource:
        if (self.sample is None) == (self.vocabulary is None):
            raise ValueError("give either 'sample' (a number of tokens) or 'vocabulary' (lists)")
        if self.initials and not self.vocabulary:
            raise ValueError("'initials' are of the words of a list: give 'vocabulary' too")
        return self


class Tokens(Builder):
    """Tokens for measures that read weights only; the model is never run on them."""

    version: ClassVar[int] = 2

    tokens: TokenSource
    seed: Seed = 0

    def vocabularies(self) -> tuple[str, ...]:
        letters = (self.tokens.initials,) if self.tokens.initials else ()
        return (*(self.tokens.vocabulary or ()), *letters)
