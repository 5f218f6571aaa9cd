"""Examples: one prompt and where one head looks in it, to draw what a head type is known by.

``entries/evidence/<org--name>/<revision>/examples/<type>.json``, written by the verifier only and
stale whenever the evidence beside it is. An example illustrates: no verdict rests on it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Head, Slug, Strict, layer_and_head
from catalog.schema.evidence import EvidenceModel, Run

EXAMPLES_FOLDER = "examples"
MAX_TOKENS = 256
"""Longest prompt of an example: its attention is 32,896 numbers, some 130 kB."""

Position = Annotated[int, Field(ge=0, lt=MAX_TOKENS)]
Share = Annotated[float, Field(ge=0, le=1)]


class Looking(Strict):
    """A query position of the recipe's role, and the key positions that it should look at."""

    query: Position
    keys: tuple[Position, ...]


class Example(Strict):
    """What one head attends to while the model reads one prompt of a recipe."""

    schema_version: Literal[1] = 1
    head_type: Slug
    recipe: Slug
    """The recipe that the prompt comes from."""
    model: EvidenceModel
    run: Run
    """As in the recipe's evidence; ``prompts_sha256`` is over all prompts of the recipe."""
    head: Head
    """The best head that the type was found at."""
    prompt: Annotated[int, Field(ge=0)]
    """Which of the recipe's prompts, from 0."""
    cut: bool
    """Whether the prompt goes on after the last token (under causal attention that changes nothing
    here)."""
    tokens: Annotated[tuple[str, ...], Field(min_length=2, max_length=MAX_TOKENS)]
    """The tokens as text; a space before a word is part of it."""
    looking: tuple[Looking, ...]
    """What the recipe scores; empty where the measure finds its keys only while the model runs."""
    attention: tuple[tuple[Share, ...], ...]
    """Row i: attention of token i to tokens 0..i, after softmax, three digits after the point."""

    @model_validator(mode="after")
    def _whole(self) -> Example:
        if [len(row) for row in self.attention] != list(range(1, len(self.tokens) + 1)):
            raise ValueError(
                "attention has a row for each token, with a number for it and each token before it"
            )
        for pair in self.looking:
            if pair.query >= len(self.tokens) or any(key > pair.query for key in pair.keys):
                raise ValueError("looking names positions of the prompt, keys not after the query")
        layer, index = layer_and_head(self.head)
        if layer >= self.model.layers or index >= self.model.heads:
            raise ValueError(
                f"there is no head '{self.head}' in {self.model.layers} layers of"
                f" {self.model.heads} heads"
            )
        return self

    @property
    def id(self) -> str:
        """``<org--name>/<revision>/examples/<type>``, also the file's place without ``.json``."""
        return f"{self.model.id}/{self.model.revision}/{EXAMPLES_FOLDER}/{self.head_type}"
