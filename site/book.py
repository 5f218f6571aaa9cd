"""Everything that the site shows, read once from the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sqlmodel import Session

from catalog import queries
from catalog.responses import (
    Counts,
    HeadTypeDetail,
    ModelDetail,
    PaperDetail,
    TypeResult,
)
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence
from catalog.schema.housekeeping import Change


def standing(results: Iterable[TypeResult]) -> list[TypeResult]:
    """The first result of each head type and model: queries give the revision that counts first.

    A model that was run in several revisions has further results, which the pages show but do not
    count.
    """
    first: dict[tuple[str, str], TypeResult] = {}
    for result in results:
        first.setdefault((result.head_type, result.model), result)
    return list(first.values())


@dataclass(frozen=True)
class Book:
    """The data of all pages. ``evidence`` is by id."""

    counts: Counts
    head_types: tuple[HeadTypeDetail, ...]
    papers: tuple[PaperDetail, ...]
    models: tuple[ModelDetail, ...]
    evidence: Mapping[str, Evidence]
    changes: tuple[Change, ...] = ()

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

    def published_heads(self, head_type: str, model: str) -> frozenset[str]:
        """Heads that claims about this type name in this model."""
        return frozenset(
            head
            for entry in self.head_types
            if entry.id == head_type
            for claim in entry.claim_results
            if claim.model == model
            for head in claim.heads or ()
        )

    @cached_property
    def listed_heads(self) -> dict[str, list[str]]:
        """Id of a model -> heads that its page lists, found or published, in order of the grid."""
        listed: dict[str, list[str]] = {}
        for model in self.models:
            heads = {head for result in standing(model.results) for head in result.found}
            heads |= {head for claim in model.claim_results for head in claim.heads or ()}
            listed[model.id] = sorted(heads, key=layer_and_head)
        return listed


def read_book(session: Session) -> Book:
    """Read all that the pages need through ``catalog.queries``."""
    records = [queries.evidence(session, row.id) for row in queries.evidence_list(session)]
    return Book(
        counts=queries.counts(session),
        head_types=tuple(queries.head_type(session, row.id) for row in queries.head_types(session)),
        papers=tuple(queries.paper(session, row.id) for row in queries.papers(session)),
        models=tuple(queries.model(session, row.id) for row in queries.models(session)),
        evidence={record.id: record.record for record in records},
        changes=tuple(queries.changes(session)),
    )
