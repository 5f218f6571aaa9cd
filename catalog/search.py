"""Full-text search over head types, papers, models and claims (SQLite FTS5).

What is searched for is taken as words: every word must occur, the last one may be the beginning
of one. Nothing of it is ever read as the query language of FTS5.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection
from sqlmodel import Session, text

from catalog.lists.fields import Kind, Parameter, Value
from catalog.lists.kept import Kept
from catalog.lists.pages import Meta, Page, meta_of
from catalog.lists.reading import slice_of
from catalog.lists.tables import PAGING
from catalog.queries import dataset
from catalog.responses import Response

FoundKind = Literal["head-type", "paper", "model", "claim"]
KINDS: tuple[FoundKind, ...] = ("head-type", "paper", "model", "claim")
_FOLDERS = {"head-type": "head-types", "paper": "papers", "model": "models"}

PARAMETERS: dict[str, Parameter] = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "q",
            Kind.TEXT,
            "Words to look for; the last may be the beginning of one",
            "induction",
            required=True,
        ),
        Parameter("kind", Kind.CHOICE, "Only of this kind", "paper", KINDS),
        *PAGING,
    )
}


class Hit(Response):
    """Something that was found."""

    kind: FoundKind
    id: str
    name: str
    address: str
    """Path of the API where all of it is."""
    snippet: str
    """HTML: the text around the words, escaped, with every word found in ``<mark>``."""


class Found(Response):
    """A page of what was found, the best first."""

    meta: Meta
    results: tuple[Hit, ...]
    suggestions: tuple[str, ...]
    """What was probably meant, where words are not in the catalog."""


def search(session: Session, values: dict[str, Value], kept: Kept) -> Page:
    """A page of what was found; ``values`` as :data:`PARAMETERS` describes.

    Raises:
        WrongQuery: if there is no such page.
    """
    words = _words(str(values["q"]))
    kind = str(values["kind"]) if "kind" in values else None
    page, per_page = int(values.get("page", 1)), int(values.get("per_page", 20))  # type: ignore[arg-type]
    match = _match(words)
    key = ("search", match, kind)
    found = kept.get(key)
    if found is None:
        found = _rows(session, words, kind) if words else []
        kept.put(key, found)
    hits = _hits(session, match, slice_of(found, page, per_page))
    return Page(
        meta=meta_of(len(found), page, per_page, dataset(session)),
        item=Hit,
        texts=[hit.model_dump_json() for hit in hits],
        name="search",
        more={"suggestions": suggestions(session, words)},
    )


_MOST_WORDS = 12


def _words(asked: str) -> tuple[str, ...]:
    """The words of a query: letters and digits, as the index has them."""
    return tuple(re.findall(r"[^\W_]+", asked.casefold())[:_MOST_WORDS])


def _match(words: Sequence[str]) -> str:
    """An FTS5 query of quoted words, which holds no operator of the asker's."""
    quoted = [f'"{word}"' for word in words]
    return " ".join(quoted) + "*" if quoted else ""


_RANK = (
    "bm25(search, 0, 0, 8.0, 5.0, 1.0)"
    " * CASE kind WHEN 'head-type' THEN 4 WHEN 'claim' THEN 1 ELSE 2 END"
)
"""The name counts most, then other names; an entry comes before the claims about it.

Whatever begins with what was typed comes first.
"""


def _rows(session: Session, words: Sequence[str], kind: str | None) -> list[int]:
    match = _match(words)
    found = session.connection().execute(
        text(
            "SELECT rowid FROM search WHERE search MATCH :match"
            " AND (:kind IS NULL OR kind = :kind)"
            " ORDER BY id = :id DESC, replace(lower(name), '-', ' ') LIKE :start DESC,"
            f" {_RANK}, rowid"
        ),
        {"match": match, "kind": kind, "id": "-".join(words), "start": f"{' '.join(words)}%"},
    )
    return [row[0] for row in found]


def _hits(session: Session, match: str, numbers: Sequence[int]) -> list[Hit]:
    """What stands in these rows, in their order."""
    if not numbers:
        return []
    named = {f"n{at}": number for at, number in enumerate(numbers)}
    places = ", ".join(f":{name}" for name in named)
    found = session.connection().execute(
        text(
            "SELECT rowid, kind, id, name, snippet(search, -1, :left, :right, '…', 24)"
            f" FROM search WHERE search MATCH :match AND rowid IN ({places})"
        ),
        {"match": match, "left": "\x02", "right": "\x03", **named},
    )
    hits = {row[0]: _hit(*row[1:]) for row in found}
    return [hits[number] for number in numbers]


def _hit(kind: FoundKind, id: str, name: str, snippet: str) -> Hit:  # noqa: A002
    """A hit; the marks are put in after everything else was escaped."""
    marked = html.escape(snippet).replace("\x02", "<mark>").replace("\x03", "</mark>")
    if kind == "claim":
        address = f"/v1/head-types/{id.rpartition('/')[0]}/claims"
    else:
        address = f"/v1/{_FOLDERS[kind]}/{id}"
    return Hit(kind=kind, id=id, name=name, address=address, snippet=marked)


def suggestions(session: Session, words: Sequence[str]) -> list[str]:
    """The query with every word that nothing has replaced by the nearest one that something has.

    Words that nothing is near to are left out.
    """
    if not words:
        return []
    better = [_nearest(session, word, last=at == len(words) - 1) for at, word in enumerate(words)]
    meant = [word for word in better if word is not None]
    return [" ".join(meant)] if meant and meant != list(words) else []


def _nearest(session: Session, word: str, *, last: bool) -> str | None:
    """The word itself if something has it, else the nearest; none if nothing is near."""
    pattern = f'"{word}"*' if last else f'"{word}"'
    connection = session.connection()
    known = connection.execute(
        text("SELECT 1 FROM search WHERE search MATCH :match LIMIT 1"), {"match": pattern}
    ).first()
    if known is not None:
        return word
    if len(word) > _LONGEST_WORD:
        return None
    most = 1 if len(word) < 5 else 2 if len(word) < 9 else 3
    ranked = sorted(
        (distance(word, term), -entries, term)
        for term, entries in _candidates(connection, word)
        if abs(len(term) - len(word)) <= most
    )
    return ranked[0][2] if ranked and ranked[0][0] <= most else None


def _candidates(connection: Connection, word: str) -> list[tuple[str, int]]:
    """Words that share three letters in a row or, for short ones, the first letter."""
    found: dict[str, int] = {}
    parts = {word[at : at + 3] for at in range(len(word) - 2)}
    if parts:
        near = text(
            "SELECT term, entries FROM search_term WHERE search_term MATCH :match"
            " ORDER BY rank LIMIT 60"
        )
        match = " OR ".join(f'"{part}"' for part in sorted(parts))
        found |= {row[0]: row[1] for row in connection.execute(near, {"match": match})}
    if len(word) <= _SHORT_WORD:
        near = text("SELECT term, doc FROM search_word WHERE term >= :first AND term < :next")
        letters = {"first": word[0], "next": chr(ord(word[0]) + 1)}
        found |= {row[0]: row[1] for row in connection.execute(near, letters)}
    return list(found.items())


_SHORT_WORD = 5
_LONGEST_WORD = 40


def distance(one: str, other: str) -> int:
    """Letters to add, leave out, change or swap with the next, to get from one to the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, start=1):
        now = [i]
        for j, with_ in enumerate(other, start=1):
            cost = min(row[j] + 1, now[j - 1] + 1, row[j - 1] + (letter != with_))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == with_:
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        before, row = row, now
    return row[-1]
