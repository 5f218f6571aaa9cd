"""JSON-LD in the words of schema.org: terms, scholarly articles, data sets.

Addresses in ``@id`` are relative to where the document was read, as JSON-LD allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, col, select

from catalog import rows
from catalog.lists.pages import Page
from catalog.responses import EvidenceDetail, HeadTypeDetail, PaperDetail, PaperReference

CONTEXT = "https://schema.org"
LICENCE = "https://creativecommons.org/licenses/by/4.0/"
_SET = "/v1/head-types"

Node = dict[str, Any]


def head_type(answer: HeadTypeDetail, session: Session) -> bytes:
    """A head type as a ``DefinedTerm``."""
    del session
    return _document(term(answer))


def head_types(answer: Page, session: Session) -> bytes:
    """Head types as a ``DefinedTermSet``."""
    return _document(term_set(_details(session, [item["id"] for item in answer.results()])))


def paper(answer: PaperDetail, session: Session) -> bytes:
    """A paper as a ``ScholarlyArticle``."""
    del session
    return _document(article(answer))


def papers(answer: Page, session: Session) -> bytes:
    """Papers as a graph of ``ScholarlyArticle``."""
    ids = [item["id"] for item in answer.results()]
    found = session.exec(
        select(rows.PaperRow.document)
        .where(col(rows.PaperRow.id).in_(ids))
        .order_by(col(rows.PaperRow.position))
    )
    return _document({"@graph": [article(PaperDetail.model_validate_json(text)) for text in found]})


def evidence(answer: EvidenceDetail, session: Session) -> bytes:
    """An evidence record as a ``Dataset``."""
    del session
    return _document(data_set(answer))


def term(entry: HeadTypeDetail) -> Node:
    """A head type."""
    return {
        "@type": "DefinedTerm",
        "@id": f"{_SET}/{entry.id}",
        "termCode": entry.id,
        "name": entry.name,
        "alternateName": list(entry.aliases),
        "description": entry.summary,
        "inDefinedTermSet": {"@id": _SET},
        "subjectOf": [_reference(use) for use in entry.papers],
    }


def term_set(entries: Iterable[HeadTypeDetail]) -> Node:
    """All head types together."""
    return {
        "@type": "DefinedTermSet",
        "@id": _SET,
        "name": "Headbook: attention head types of language models",
        "license": LICENCE,
        "hasDefinedTerm": [term(entry) for entry in entries],
    }


def article(answer: PaperDetail) -> Node:
    """A paper."""
    authors: list[Node] = [{"@type": "Person", "name": name} for name in answer.all_authors]
    identifiers = [("DOI", answer.doi), ("arXiv", answer.arxiv)]
    made: Node = {
        "@type": "ScholarlyArticle",
        "@id": f"/v1/papers/{answer.id}",
        "headline": answer.title,
        "name": answer.title,
        "author": authors,
        "datePublished": str(answer.year),
        "url": answer.address,
        "identifier": [
            {"@type": "PropertyValue", "propertyID": kind, "value": value}
            for kind, value in identifiers
            if value
        ],
        "about": [{"@id": f"{_SET}/{name}"} for name in answer.head_types],
    }
    if answer.venue:
        made["isPartOf"] = {"@type": "PublicationVolume", "name": answer.venue}
    return made


def data_set(answer: EvidenceDetail) -> Node:
    """An evidence record."""
    record = answer.record
    formats = {"application/json": "json"}
    if record.scores is not None:
        formats |= {"text/csv": "csv", "application/x-npy": "npy"}
    return {
        "@type": "Dataset",
        "@id": f"/v1/evidence/{answer.id}",
        "identifier": answer.id,
        "name": f"Recipe {answer.recipe} of head type {answer.head_type} on {answer.model}",
        "description": f"Verdict: {answer.verdict}. {answer.reason}",
        "version": answer.revision,
        "license": LICENCE,
        "about": {"@id": f"{_SET}/{answer.head_type}"},
        "measurementTechnique": record.measure,
        "variableMeasured": {
            "@type": "PropertyValue",
            "name": record.measure,
            "unitText": record.unit,
        },
        "distribution": [
            {
                "@type": "DataDownload",
                "encodingFormat": media_type,
                "contentUrl": f"/v1/evidence/{answer.id}.{suffix}",
            }
            for media_type, suffix in formats.items()
        ],
    }


def _reference(answer: PaperReference) -> Node:
    return {
        "@type": "ScholarlyArticle",
        "@id": f"/v1/papers/{answer.id}",
        "headline": answer.title,
        "datePublished": str(answer.year),
        "url": answer.address,
    }


def _details(session: Session, ids: list[str]) -> list[HeadTypeDetail]:
    found = session.exec(
        select(rows.HeadTypeRow.id, rows.HeadTypeRow.document).where(
            col(rows.HeadTypeRow.id).in_(ids)
        )
    )
    by_id = {name: HeadTypeDetail.model_validate_json(text) for name, text in found}
    return [by_id[name] for name in ids]


def _document(node: Node) -> bytes:
    return json.dumps({"@context": CONTEXT, **node}, ensure_ascii=False, indent=1).encode()
