"""The whole catalog as one file, written piece by piece, so that its size needs no memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from sqlmodel import Session, col, select

from catalog import queries, rows
from catalog.formats.linked import CONTEXT, LICENCE, article, data_set, term
from catalog.formats.tables import lines
from catalog.responses import EvidenceDetail, HeadTypeDetail, PaperDetail

_PARTS: tuple[tuple[str, str, Any], ...] = (
    ("head-type", "head_types", rows.HeadTypeRow),
    ("paper", "papers", rows.PaperRow),
    ("model", "models", rows.ModelRow),
    ("claim", "claims", rows.ClaimRow),
    ("evidence", "evidence", rows.EvidenceRow),
    ("emergence", "emergence", rows.EmergenceRow),
    ("change", "changes", rows.ChangeRow),
)
"""Kind of a record, its name in the plural, its table."""


def _documents(session: Session, row: Any) -> Iterator[str]:
    yield from session.exec(
        select(row.document).order_by(col(row.position)).execution_options(yield_per=100)
    )


def as_json(session: Session) -> Iterator[bytes]:
    """One object: the version, the licence and a list of every kind; redirects too."""
    head = {"dataset": queries.dataset(session), "licence": LICENCE}
    yield json.dumps(head)[:-1].encode()
    for _, plural, row in _PARTS:
        yield f',\n"{plural}": ['.encode()
        between = b"\n"
        for text in _documents(session, row):
            yield between + text.encode()
            between = b",\n"
        yield b"]"
    moved = ",".join(redirect.model_dump_json() for redirect in queries.redirects(session))
    yield f',\n"redirects": [{moved}]}}\n'.encode()


def as_ndjson(session: Session) -> Iterator[bytes]:
    """One record a line: ``kind`` and ``record``."""
    first = {"kind": "dataset", "record": {"version": queries.dataset(session), "licence": LICENCE}}
    yield json.dumps(first).encode() + b"\n"
    for kind, _, row in _PARTS:
        for text in _documents(session, row):
            yield f'{{"kind":"{kind}","record":{text}}}\n'.encode()


_COLUMNS = ("id", "name", "head_type", "model", "paper", "year", "verdict")


def as_csv(session: Session) -> Iterator[bytes]:
    """One record a line: what most have in common, and all of it as JSON in the last cell."""
    yield lines([("kind", *_COLUMNS, "record")])
    for kind, _, row in _PARTS:
        for text in _documents(session, row):
            record = json.loads(text)
            name = record.get("name") or record.get("title")
            common = {**record, "name": name}
            line = [kind, *(common.get(column) for column in _COLUMNS), text]
            yield lines([line])


def as_bib(session: Session) -> Iterator[bytes]:
    """All papers as BibTeX, by year and key."""
    for text in _documents(session, rows.PaperRow):
        yield PaperDetail.model_validate_json(text).bibtex.encode() + b"\n"


def as_jsonld(session: Session) -> Iterator[bytes]:
    """A graph: the data set, its terms, its articles, its evidence."""
    about = {
        "@type": "Dataset",
        "@id": "/v1/dump",
        "name": "Headbook: attention heads of language models",
        "version": queries.dataset(session),
        "license": LICENCE,
        "hasPart": {"@id": "/v1/head-types"},
    }
    terms = {"@type": "DefinedTermSet", "@id": "/v1/head-types", "name": "Attention head types"}
    yield f'{{"@context":"{CONTEXT}","@graph":[\n{json.dumps(about)},\n{json.dumps(terms)}'.encode()
    made: tuple[tuple[Any, Any, Callable[[Any], dict[str, Any]]], ...] = (
        (rows.HeadTypeRow, HeadTypeDetail, term),
        (rows.PaperRow, PaperDetail, article),
        (rows.EvidenceRow, EvidenceDetail, data_set),
    )
    for row, kind, node in made:
        for text in _documents(session, row):
            found = node(kind.model_validate_json(text))
            yield b",\n" + json.dumps(found, ensure_ascii=False).encode()
    yield b"\n]}\n"


DUMPS: dict[str, Callable[[Session], Iterator[bytes]]] = {
    "json": as_json,
    "ndjson": as_ndjson,
    "csv": as_csv,
    "bib": as_bib,
    "jsonld": as_jsonld,
}
"""How the catalog is written, by suffix; ``sqlite`` is the file that it is read from."""
