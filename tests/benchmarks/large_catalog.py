"""A database of 1,000 head types and 200,000 evidence rows, multiplied from the shipped one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

TYPES = 1_000
EVIDENCE = 200_000


def write_large(source: Path, out: Path, *, types: int = TYPES, evidence: int = EVIDENCE) -> None:
    """Copy a database and multiply its head types and evidence records.

    A copy has the document of its original under another id (``induction-7``), so sizes are those
    of real entries; its evidence comes in as many revisions as are needed.
    """
    shutil.copyfile(source, out)
    with sqlite3.connect(out) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.row_factory = sqlite3.Row
        ids = _head_types(connection, types)
        _evidence(connection, ids, evidence)
        connection.execute("INSERT INTO search (search) VALUES ('optimize')")
        connection.commit()
    connection.close()


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        names = ", ".join(f'"{name}"' for name in rows[0])
        places = ", ".join(f":{name}" for name in rows[0])
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def _renamed(text: str, **new: str) -> str:
    return json.dumps({**json.loads(text), **new}, ensure_ascii=False, separators=(",", ":"))


def _head_types(connection: sqlite3.Connection, wanted: int) -> list[str]:
    old = [dict(row) for row in connection.execute("SELECT * FROM head_type ORDER BY position")]
    facets = [
        dict(row) for row in connection.execute("SELECT * FROM facet WHERE kind = 'head-types'")
    ]
    texts = {row["id"]: dict(row) for row in connection.execute("SELECT * FROM search")}
    made, more, found = [], [], []
    for number in range(len(old), wanted):
        entry = old[number % len(old)]
        name = f"{entry['id']}-{number // len(old)}"
        made.append(
            entry
            | {"id": name, "position": number}
            | {key: _renamed(entry[key], id=name) for key in ("summary", "document")}
        )
        more += [facet | {"id": name} for facet in facets if facet["id"] == entry["id"]]
        found.append(texts[entry["id"]] | {"id": name})
    _insert(connection, "head_type", made)
    _insert(connection, "facet", more)
    _insert(connection, "search", found)
    return [entry["id"] for entry in [*old, *made]]


def _evidence(connection: sqlite3.Connection, ids: list[str], wanted: int) -> None:
    old = [dict(row) for row in connection.execute("SELECT * FROM evidence ORDER BY position")]
    batch: list[dict[str, Any]] = []
    for number in range(len(old), wanted):
        record = old[number % len(old)]
        head_type = ids[number % len(ids)]
        revision = f"r{number // len(ids)}"
        name = f"{record['model']}/{revision}/{head_type}.{record['recipe']}"
        new = {"id": name, "head_type": head_type, "revision": revision}
        # the whole record would make the file larger, not the questions harder
        summary = _renamed(record["summary"], **new)
        batch.append(record | new | {"position": number, "summary": summary, "document": summary})
        if len(batch) == 10_000:
            _insert(connection, "evidence", batch)
            batch = []
    _insert(connection, "evidence", batch)
