"""Claims: published statements about heads of a named model, with their source, or why none."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from catalog.schema.base import Head, Line, Method, ModelId, PaperKey, Prose, Strict


class Checked(Strict):
    """Whether somebody of this project has seen the source.

    ``read``: read in the paper, its code or its data, and ``where`` names the place that was read.
    ``secondary``: read in another source, which ``where`` names. ``unchecked``: neither.
    """

    state: Literal["read", "secondary", "unchecked"]
    where: Line | None = None

    @model_validator(mode="after")
    def _says_where(self) -> Checked:
        if self.state != "unchecked" and not self.where:
            raise ValueError(f"checked '{self.state}' says under 'where' what was read")
        return self


class NoClaims(Strict):
    """Why no heads of a named model stand where the claims would, as far as it was looked up."""

    reason: Prose
    """What the source reports instead: a figure without numbers, a count, a model of its own."""
    source: PaperKey
    checked: Checked


class Claim(Strict):
    """A published statement: these heads, or so many, or none of this model are of this type."""

    model: ModelId
    heads: Annotated[tuple[Head, ...], Field(min_length=1)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    none: Literal[True] | None = None
    list: Literal["exhaustive", "top-k", "examples"] | None = None
    """How the heads are meant: all there are, the best few, or some."""
    paper: PaperKey
    place: Line
    """Section, figure or table of the paper that says so (or file of its code)."""
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    method: Prose | None = None
    """How the paper found them, in words."""
    threshold: Line | None = None
    training_step: Annotated[int, Field(ge=0)] | None = None
    checked: Checked
    note: Prose | None = None

    @model_validator(mode="after")
    def _one_statement(self) -> Claim:
        given = [n for n in ("heads", "count", "none") if getattr(self, n) is not None]
        if len(given) != 1:
            raise ValueError("a claim gives exactly one of 'heads', 'count' and 'none: true'")
        if (self.heads is None) != (self.list is None):
            raise ValueError("'list' says how 'heads' are meant: give both or neither")
        if self.heads is not None and len(set(self.heads)) != len(self.heads):
            raise ValueError("a head is listed twice")
        return self
