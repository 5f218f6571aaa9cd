"""What stands in every table: rows made of the answers, always in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from sqlalchemy import Engine, insert
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

from catalog import rows
from catalog.answers import Answers
from catalog.database import DatabaseError
from catalog.facets import facets
from catalog.heads import head_scores
from catalog.responses import (
    EvidenceDetail,
    EvidenceSummary,
    HeadTypeDetail,
    HeadTypeSummary,
    ModelDetail,
    ModelSummary,
    PaperDetail,
    PaperSummary,
)
from catalog.schema.base import layer_and_head
from catalog.search_index import index_texts

if TYPE_CHECKING:
    from catalog.loading import Catalog

Row = dict[str, Any]
_TABLES: tuple[type[SQLModel], ...] = (
    rows.Meta,
    rows.HeadTypeRow,
    rows.HeadTypeAliasRow,
    rows.FacetRow,
    rows.PaperRow,
    rows.PaperUseRow,
    rows.ModelRow,
    rows.ModelAliasRow,
    rows.ClaimRow,
    rows.ClaimHeadRow,
    rows.EvidenceRow,
    rows.HeadScoreRow,
    rows.ExampleRow,
    rows.TypeResultRow,
    rows.HeadRow,
    rows.EmergenceRow,
    rows.RedirectRow,
    rows.ChangeRow,
)


def fill(engine: Engine, catalog: Catalog, answers: Answers) -> None:
    """Create the tables and insert every row, always in the same order.

    Raises:
        DatabaseError: if a row points at one that is not there.
    """
    with engine.begin() as connection:
        for model in _TABLES:
            table = SQLModel.metadata.tables[str(model.__tablename__)]
            connection.execute(CreateTable(table))
            # table.create() would take the indexes in the order of a set, which varies
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(CreateIndex(index))
        for model, found in _rows(catalog, answers):
            if found:
                connection.execute(insert(model), found)
        index_texts(connection, answers)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise DatabaseError(f"rows point at nothing: {sorted({row[0] for row in broken})}")


def _rows(catalog: Catalog, answers: Answers) -> Iterable[tuple[type[SQLModel], Sequence[Row]]]:
    yield rows.Meta, _meta(answers)
    yield rows.HeadTypeRow, [_head_type(at, t) for at, t in enumerate(answers.head_types)]
    yield (
        rows.HeadTypeAliasRow,
        [
            {"alias": alias, "head_type": entry.id}
            for entry in answers.head_types
            for alias in dict.fromkeys(entry.aliases)
        ],
    )
    yield rows.FacetRow, facets(answers)
    yield rows.PaperRow, [_paper(at, paper) for at, paper in enumerate(answers.papers)]
    yield rows.PaperUseRow, _paper_uses(answers)
    yield rows.ModelRow, [_model(at, model) for at, model in enumerate(answers.models)]
    yield rows.ModelAliasRow, _model_aliases(answers)
    yield from _claims(answers)
    yield from _evidence(answers)
    yield rows.ExampleRow, _examples(catalog)
    yield (
        rows.TypeResultRow,
        [
            {
                "head_type": result.head_type,
                "model": result.model,
                "revision": result.revision,
                "verdict": result.verdict,
                "standing": (result.head_type, result.model, result.revision) in answers.standing,
                "document": _json(result),
            }
            for result in answers.results
        ],
    )
    yield (
        rows.HeadRow,
        [
            {
                "model": head.model,
                "layer": head.layer,
                "head": head.index,
                "claims": len(head.claim_results),
                "document": _json(head),
            }
            for head in answers.heads
        ],
    )
    yield (
        rows.EmergenceRow,
        [
            {
                "model": one.model,
                "head_type": one.head_type,
                "position": position,
                "revision": one.revision,
                "document": _json(one),
            }
            for position, one in enumerate(answers.emergences)
        ],
    )
    yield from _housekeeping(catalog)


def _json(answer: BaseModel) -> str:
    return answer.model_dump_json()


def _summary(answer: BaseModel, kind: type[BaseModel]) -> str:
    """The part of a detail that the list shows."""
    return answer.model_dump_json(include=set(kind.model_fields))


def _meta(answers: Answers) -> list[Row]:
    return [
        {"key": "schema_version", "value": str(rows.SCHEMA_VERSION)},
        {"key": "dataset", "value": answers.counts.dataset},
        {"key": "counts", "value": _json(answers.counts)},
        {"key": "survey", "value": _json(answers.survey) if answers.survey else "null"},
    ]


def _head_type(position: int, entry: HeadTypeDetail) -> Row:
    return {
        "id": entry.id,
        "position": position,
        "name": entry.name,
        "stage": str(entry.stage),
        "group": entry.group,
        "placed_by": entry.placed_by,
        "level": entry.automation.level,
        "runnable": entry.runnable,
        "year": entry.year,
        "claims": entry.claims,
        "summary": _summary(entry, HeadTypeSummary),
        "document": _json(entry),
    }


def _paper(position: int, paper: PaperDetail) -> Row:
    return {
        "id": paper.id,
        "position": position,
        "year": paper.year,
        "title": paper.title,
        "authors": paper.authors,
        "venue": paper.venue,
        "arxiv": paper.arxiv,
        "checked": paper.checked.state,
        "claims": paper.claims,
        "summary": _summary(paper, PaperSummary),
        "document": _json(paper),
    }


def _paper_uses(answers: Answers) -> list[Row]:
    found = {(paper.id, use.type, use.relation) for paper in answers.papers for use in paper.uses}
    return [
        {"paper": paper, "head_type": head_type, "role": role}
        for paper, head_type, role in sorted(found)
    ]


def _model(position: int, model: ModelDetail) -> Row:
    return {
        "id": model.id,
        "position": position,
        "name": model.name,
        "architecture": model.architecture,
        "layers": model.layers,
        "heads": model.heads,
        "kv_heads": model.kv_heads,
        "parameters": model.parameters,
        "checked": model.checked.state,
        "shipped": model.shipped,
        "verified": model.verified,
        "claims": model.claims,
        "summary": _summary(model, ModelSummary),
        "document": _json(model),
    }


def _model_aliases(answers: Answers) -> list[Row]:
    """Every name a model answers to but its id, in lower case; the first model keeps a name."""
    names: dict[str, str] = {}
    for model in answers.models:
        names.setdefault(model.id.lower(), model.id)
        names.setdefault(model.id.lower().replace("--", "/", 1), model.id)
    for model in answers.models:
        for alias in model.aliases:
            names.setdefault(alias.lower(), model.id)
    return [{"alias": alias, "model": model} for alias, model in sorted(names.items())]


def _claims(answers: Answers) -> Iterable[tuple[type[SQLModel], Sequence[Row]]]:
    years = {paper.id: paper.year for paper in answers.papers}
    yield (
        rows.ClaimRow,
        [
            {
                "id": claim.id,
                "position": position,
                "head_type": claim.head_type,
                "number": int(claim.id.rpartition("/")[2]),
                "model": claim.model,
                "paper": claim.paper,
                "year": years[claim.paper],
                "verdict": claim.verdict,
                "checked": claim.checked.state,
                "list": claim.list,
                "document": _json(claim),
            }
            for position, claim in enumerate(answers.claims)
        ],
    )
    yield (
        rows.ClaimHeadRow,
        [
            {"claim": claim.id, "layer": layer, "head": head}
            for claim in answers.claims
            for layer, head in sorted(layer_and_head(name) for name in claim.heads or ())
        ],
    )


def _evidence(answers: Answers) -> Iterable[tuple[type[SQLModel], Sequence[Row]]]:
    yield (
        rows.EvidenceRow,
        [_evidence_row(position, item) for position, item in enumerate(answers.evidence)],
    )
    columns = ("score", "low", "high", "control", "margin", "q", "status", "rank")
    for item in answers.evidence:
        yield (
            rows.HeadScoreRow,
            [
                {
                    "evidence": item.id,
                    "layer": layer_and_head(head)[0],
                    "head": layer_and_head(head)[1],
                    **{column: getattr(score, column) for column in columns},
                }
                for head, score in head_scores(item.record, "")
            ],
        )


def _evidence_row(position: int, item: EvidenceDetail) -> Row:
    return {
        "id": item.id,
        "position": position,
        "head_type": item.head_type,
        "recipe": item.recipe,
        "model": item.model,
        "revision": item.revision,
        "measure": item.record.measure,
        "verdict": item.verdict,
        "stale": item.stale,
        "summary": _summary(item, EvidenceSummary),
        "document": _json(item),
    }


def _examples(catalog: Catalog) -> list[Row]:
    return [
        {
            "id": example.id,
            "position": position,
            "head_type": example.head_type,
            "model": example.model.id,
            "revision": example.model.revision,
            "document": _json(example),
        }
        for position, example in enumerate(catalog.examples.values())
    ]


def _housekeeping(catalog: Catalog) -> Iterable[tuple[type[SQLModel], Sequence[Row]]]:
    redirects = []
    for redirect in catalog.redirects.redirects:
        kind, _, old = redirect.old.partition("/")
        new_kind, _, new = (redirect.new or "").partition("/")
        redirects.append(
            {
                "kind": kind,
                "old": old,
                "new_kind": new_kind or None,
                "new": new or None,
                "withdrawn": redirect.kind == "withdrawn",
                "reason": redirect.reason,
            }
        )
    yield rows.RedirectRow, sorted(redirects, key=lambda row: (row["kind"], row["old"]))
    yield (
        rows.ChangeRow,
        [
            {
                "position": position,
                "date": change.date,
                "kind": change.kind,
                "summary": change.summary,
                "document": _json(change),
            }
            for position, change in enumerate(reversed(catalog.changes))
        ],
    )
