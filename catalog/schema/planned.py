"""Builders that are part of the language and have no code yet (``runnable = False``)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from catalog.schema.base import Slug
from catalog.schema.builder import Builder, Count, Seed


class FewShot(Builder):
    """Pairs of a mapping, input then output, ending on an input that is to be mapped."""

    runnable: ClassVar[bool] = False
    queries: ClassVar[frozenset[str]] = frozenset({"end", "labels"})
    keys: ClassVar[frozenset[str]] = frozenset({"labels", "inputs"})
    variants: ClassVar[frozenset[str]] = frozenset({"clean", "shuffled-labels", "zero-shot"})
    answers: ClassVar[frozenset[str]] = frozenset({"correct", "foil"})

    builder: Literal["few-shot"]
    pairs: Slug
    shots: Annotated[int, Field(ge=1, le=64)] = 8
    count: Count = 64
    seed: Seed = 0
    keep: Literal["all", "answered-correctly"] = "all"

    def vocabularies(self) -> tuple[str, ...]:
        return (self.pairs,)


class Needle(Builder):
    """A fact hidden in a long text and a question about it; scored on generated tokens."""

    runnable: ClassVar[bool] = False
    queries: ClassVar[frozenset[str]] = frozenset({"end", "generated"})
    keys: ClassVar[frozenset[str]] = frozenset({"needle", "haystack"})
    answers: ClassVar[frozenset[str]] = frozenset({"needle"})

    builder: Literal["needle"]
    text: Slug
    lengths: Annotated[tuple[int, ...], Field(min_length=1)]
    depths: Annotated[tuple[float, ...], Field(min_length=1)]
    count: Count = 64
    seed: Seed = 0
    keep: Literal["all", "answered-correctly"] = "answered-correctly"

    def text_sets(self) -> tuple[str, ...]:
        return (self.text,)


class Conflict(Builder):
    """A statement against what the model knows, then a query: context or memory may answer."""

    runnable: ClassVar[bool] = False
    queries: ClassVar[frozenset[str]] = frozenset({"end"})
    keys: ClassVar[frozenset[str]] = frozenset({"subject", "context-answer"})
    variants: ClassVar[frozenset[str]] = frozenset({"clean", "contradicted"})
    answers: ClassVar[frozenset[str]] = frozenset({"remembered", "in-context"})

    builder: Literal["conflict"]
    pairs: Slug
    templates: Slug
    count: Count = 64
    seed: Seed = 0

    def vocabularies(self) -> tuple[str, ...]:
        return (self.pairs, self.templates)


class LabelledTemplates(Builder):
    """Templates filled so that each prompt carries a label, split for probes by template."""

    runnable: ClassVar[bool] = False
    queries: ClassVar[frozenset[str]] = frozenset({"end", "statement"})
    keys: ClassVar[frozenset[str]] = frozenset({"statement", "label"})
    variants: ClassVar[frozenset[str]] = frozenset({"clean", "corrupted"})
    answers: ClassVar[frozenset[str]] = frozenset({"correct", "foil"})

    builder: Literal["labelled-templates"]
    templates: Slug
    fill: tuple[Slug, ...] = ()
    label: Slug
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    count: Count = 64
    seed: Seed = 0
    keep: Literal["all", "answered-correctly"] = "all"

    def vocabularies(self) -> tuple[str, ...]:
        return (self.templates, *self.fill)
