"""Which answers there are in which formats, and the one function that writes them.

The API and the static twin both write through :func:`render`, so a file of the twin has the bytes
that the API would send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel
from sqlmodel import Session

from catalog.formats import bibliography, linked, numpy_file, tables
from catalog.lists.pages import Page
from catalog.mosaic import Mosaic
from catalog.responses import (
    EvidenceDetail,
    HeadTypeDetail,
    HeadTypeSummary,
    ModelDetail,
    PaperDetail,
    PaperSummary,
)

Answer = BaseModel | Page | Mapping[str, Any]


@dataclass(frozen=True)
class Format:
    """A way to write answers; ``suffix`` ends the address."""

    suffix: str
    media_type: str
    words: str
    also: tuple[str, ...] = ()
    """Other media types that ask for it."""


FORMATS: dict[str, Format] = {
    made.suffix: made
    for made in (
        Format("json", "application/json", "JSON"),
        Format("yaml", "application/yaml", "YAML", ("text/yaml", "application/x-yaml")),
        Format("csv", "text/csv; charset=utf-8", "comma-separated values"),
        Format("bib", "application/x-bibtex; charset=utf-8", "BibTeX", ("text/x-bibtex",)),
        Format("jsonld", "application/ld+json", "JSON-LD in the words of schema.org"),
        Format("npy", "application/x-npy", "NumPy array", ("application/octet-stream",)),
        Format("ndjson", "application/x-ndjson", "one JSON object a line"),
        Format("sqlite", "application/vnd.sqlite3", "the database itself"),
    )
}

Writer = Callable[[Any, Session], bytes]


def _json(answer: Answer, session: Session) -> bytes:
    del session
    if isinstance(answer, Page):
        return answer.text().encode()
    if isinstance(answer, BaseModel):
        return answer.model_dump_json().encode()
    return json.dumps(answer, ensure_ascii=False, indent=2).encode()


_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def _yaml(answer: Answer, session: Session) -> bytes:
    # by way of JSON, so that both say the same
    data = json.loads(_json(answer, session))
    written: str = yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    return written.encode()


_ALWAYS: dict[str, Writer] = {"json": _json, "yaml": _yaml}

_OF_DETAILS: dict[type, dict[str, Writer]] = {
    HeadTypeDetail: {"bib": bibliography.of_head_type, "jsonld": linked.head_type},
    PaperDetail: {"bib": bibliography.of_paper, "jsonld": linked.paper},
    ModelDetail: {"bib": bibliography.of_model},
    EvidenceDetail: {
        "csv": tables.scores,
        "npy": numpy_file.scores,
        "jsonld": linked.evidence,
    },
    Mosaic: {"csv": tables.mosaic},
}

_OF_PAGES: dict[type, dict[str, Writer]] = {
    HeadTypeSummary: {"bib": bibliography.of_head_types, "jsonld": linked.head_types},
    PaperSummary: {"bib": bibliography.of_papers, "jsonld": linked.papers},
}


def writers(kind: type, *, page: bool = False) -> dict[str, Writer]:
    """The formats of an answer, or of a page of such items, by suffix; the first is the usual."""
    if page:
        return {**_ALWAYS, "csv": tables.page, **_OF_PAGES.get(kind, {})}
    return {**_ALWAYS, **_OF_DETAILS.get(kind, {})}


def writers_of(answer: Answer) -> dict[str, Writer]:
    """The formats that this answer can be written in."""
    if isinstance(answer, Page):
        found = writers(answer.item, page=True)
        if not answer.whole:  # what was left out cannot be cited
            return {suffix: found[suffix] for suffix in ("json", "yaml", "csv")}
        return found
    found = writers(type(answer))
    if isinstance(answer, EvidenceDetail) and answer.record.scores is None:
        return {suffix: write for suffix, write in found.items() if suffix not in ("csv", "npy")}
    return found


def render(answer: Answer, suffix: str, session: Session) -> bytes:
    """The answer as bytes.

    Raises:
        KeyError: if it is not there in this format (see :func:`writers_of`).
    """
    return writers_of(answer)[suffix](answer, session)
