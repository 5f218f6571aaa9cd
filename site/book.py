"""Everything that the site shows, read once from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import wording
from sqlmodel import Session

from catalog import queries
from catalog.responses import (
    ClaimResult,
    Counts,
    Emergence,
    HeadDetail,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    SurveyDetail,
    TypeResult,
)
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence
from catalog.schema.example import Example
from catalog.schema.housekeeping import Change, Redirect


def standing(results: Iterable[TypeResult]) -> list[TypeResult]:
    """The first result of each head type and model: queries give the revision that counts first.

    A model that was run in several revisions has further results, which the pages show but do not
    count.
    """
    first: dict[tuple[str, str], TypeResult] = {}
    for result in results:
        first.setdefault((result.head_type, result.model), result)
    return list(first.values())


def best_first(results: Sequence[TypeResult]) -> list[TypeResult]:
    """Results in the order of lists: what was found first, revisions of one model together."""
    place = {
        (result.head_type, result.model): wording.TYPE_ORDER.index(result.verdict)
        for result in standing(results)
    }
    return sorted(results, key=lambda result: place[result.head_type, result.model])


@dataclass(frozen=True)
class Book:
    """The data of all pages. ``evidence`` is by id."""

    counts: Counts
    head_types: tuple[HeadTypeDetail, ...]
    papers: tuple[PaperDetail, ...]
    models: tuple[ModelDetail, ...]
    evidence: Mapping[str, Evidence]
    changes: tuple[Change, ...] = ()
    heads: Mapping[str, tuple[HeadDetail, ...]] = field(default_factory=dict)
    """By model: the heads of which something is known, layer by layer."""
    examples: tuple[Example, ...] = ()
    emergences: tuple[Emergence, ...] = ()
    redirects: tuple[Redirect, ...] = ()
    survey: SurveyDetail | None = None

    @cached_property
    def type_names(self) -> dict[str, str]:
        """Id of a head type -> its name."""
        return {entry.id: entry.name for entry in self.head_types}

    @cached_property
    def model_names(self) -> dict[str, str]:
        """Id of a model -> its name."""
        return {model.id: model.name for model in self.models}

    @cached_property
    def paper_by_id(self) -> dict[str, PaperDetail]:
        """Key of a paper -> the paper."""
        return {paper.id: paper for paper in self.papers}

    @cached_property
    def type_by_id(self) -> dict[str, HeadTypeDetail]:
        """Id of a head type -> the head type."""
        return {entry.id: entry for entry in self.head_types}

    def runs(self, claim: ClaimResult) -> bool:
        """Whether there is a recipe that would check the claim."""
        entry = self.type_by_id.get(claim.head_type)
        return entry is None or entry.runnable

    @cached_property
    def _published(self) -> dict[tuple[str, str], list[str]]:
        named: dict[tuple[str, str], list[str]] = {}
        for entry in self.head_types:
            for claim in entry.claim_results:
                named.setdefault((entry.id, claim.model), []).extend(claim.heads or ())
        return named

    def published_heads(self, head_type: str, model: str) -> frozenset[str]:
        """Heads that claims about this type name in this model."""
        return frozenset(self._published.get((head_type, model), ()))

    @cached_property
    def listed_heads(self) -> dict[str, list[str]]:
        """Id of a model -> heads with a page of their own, in order of the grid.

        Those that were found to be of a type, that a claim names, or that pass a recipe.
        """
        listed: dict[str, list[str]] = {}
        for model in self.models:
            heads = {head for result in standing(model.results) for head in result.found}
            heads |= {head for claim in model.claim_results for head in claim.heads or ()}
            heads |= {
                known.head
                for known in self.heads.get(model.id, ())
                if any(score.status == "passes" for score in known.scores)
            }
            listed[model.id] = sorted(heads, key=layer_and_head)
        return listed

    @cached_property
    def listed(self) -> frozenset[tuple[str, str]]:
        """Model and head of every head with a page of its own."""
        return frozenset(
            (model, head) for model, heads in self.listed_heads.items() for head in heads
        )


def read_book(session: Session) -> Book:
    """Read all that the pages need through ``catalog.queries``."""
    records = [queries.evidence(session, row.id) for row in queries.evidence_list(session)]
    models = tuple(queries.model(session, row.id) for row in queries.models(session))
    return Book(
        counts=queries.counts(session),
        head_types=tuple(queries.head_type(session, row.id) for row in queries.head_types(session)),
        papers=tuple(queries.paper(session, row.id) for row in queries.papers(session)),
        models=models,
        evidence={record.id: record.record for record in records},
        changes=tuple(queries.changes(session)),
        heads={model.id: tuple(queries.heads(session, model.id)) for model in models},
        examples=tuple(queries.examples(session)),
        emergences=tuple(queries.emergences(session)),
        redirects=tuple(queries.redirects(session)),
        survey=queries.survey(session),
    )
