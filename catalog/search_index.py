"""The full-text index (SQLite FTS5) that ``catalog.search`` reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from catalog.answers import Answers

_TABLES = (
    # what is found: kind and id say what it is, the rest is searched
    "CREATE VIRTUAL TABLE search USING fts5(kind UNINDEXED, id UNINDEXED, name, aliases, text,"
    " tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')",
    # every word of it, with the number of entries that have it
    "CREATE VIRTUAL TABLE search_word USING fts5vocab(search, row)",
    # the words by their parts of three letters, so that misspelt ones find their neighbours
    "CREATE VIRTUAL TABLE search_term USING fts5(term, entries UNINDEXED, tokenize = 'trigram')",
)


def index_texts(connection: Connection, answers: Answers) -> None:
    """Create the index and fill it, always in the same order."""
    for statement in _TABLES:
        connection.exec_driver_sql(statement)
    found = list(_texts(answers))
    if found:
        connection.exec_driver_sql(
            "INSERT INTO search (kind, id, name, aliases, text) VALUES (?, ?, ?, ?, ?)", found
        )
    connection.exec_driver_sql("INSERT INTO search (search) VALUES ('optimize')")
    connection.exec_driver_sql(
        "INSERT INTO search_term (term, entries) SELECT term, doc FROM search_word"
        " WHERE length(term) > 3 ORDER BY term"
    )
    connection.exec_driver_sql("INSERT INTO search_term (search_term) VALUES ('optimize')")


def _texts(answers: Answers) -> Iterable[tuple[str, str, str, str, str]]:
    """Kind, id, name, other names and text of everything that can be found."""
    for entry in answers.head_types:
        action = entry.action
        yield (
            "head-type",
            entry.id,
            entry.name,
            ", ".join((entry.id, *entry.aliases)),
            _joined(
                entry.summary,
                entry.definition,
                action.query,
                action.key,
                action.value,
                action.output,
                entry.group,
                *(caveat.text for caveat in entry.caveats),
            ),
        )
    for paper in answers.papers:
        yield (
            "paper",
            paper.id,
            paper.title,
            ", ".join(name for name in (paper.id, paper.arxiv, paper.doi) if name),
            _joined(", ".join(paper.all_authors), str(paper.year), paper.venue),
        )
    for model in answers.models:
        yield (
            "model",
            model.id,
            model.name,
            ", ".join((model.id, *model.aliases)),
            _joined(model.architecture, model.positions, model.note),
        )
    for claim in answers.claims:
        yield (
            "claim",
            claim.id,
            f"{claim.head_type_name} in {claim.model_name}",
            ", ".join(claim.heads or ()),
            _joined(claim.place, claim.method, claim.threshold, claim.note),
        )


def _joined(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text)
