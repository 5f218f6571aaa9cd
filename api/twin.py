"""The static twin: every answer of the API that needs no query, as a file.

It is written by asking the application itself, so a file has the bytes that a server would send:
``v1/head-types/induction.json`` is ``GET /v1/head-types/induction.json``. Only ``/v1`` itself has
another name, ``v1/index.json``. Of the heads of a model, those of which something is known are
written; what a server says of its own health is not.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlmodel import Session, col, select
from starlette.types import Message

from api.app import create_app
from api.problems import PREFIX
from catalog import rows
from catalog.database import open_session
from catalog.json_schema import KINDS


def write_twin(database: Path, out: Path) -> int:
    """Write the twin into ``out``, which becomes what ``/v1`` is on a server.

    Returns:
        The number of files.

    Raises:
        catalog.database.DatabaseError: if the database is missing or outdated.
    """
    app = create_app(database)
    with open_session(database) as session:
        try:
            written = asyncio.run(_write(app, list(addresses_of(app, session)), out))
        finally:
            app.state.reader.close()
        return written + _copy_for_aliases(session, out)


def addresses_of(app: FastAPI, session: Session) -> Iterator[str]:
    """Every address that answers without a query, with every suffix that it may have."""
    for path, item in app.openapi()["paths"].items():
        operation = item["get"]
        if any(p["in"] == "query" and p["required"] for p in operation.get("parameters", ())):
            continue
        for values in _values(path, session):
            filled = path
            for name, value in values.items():
                filled = filled.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
            suffixes = operation.get("x-suffixes", ())
            for suffix in suffixes if path != PREFIX else (".json",):
                yield filled + suffix


def _values(path: str, session: Session) -> Iterator[Mapping[str, str]]:
    """What can stand in the places of a path."""
    if "{" not in path:
        yield {}
    elif path.startswith(f"{PREFIX}/head-types/"):
        yield from ({"id": name} for name in session.exec(select(rows.HeadTypeRow.id)))
    elif path.startswith(f"{PREFIX}/papers/"):
        yield from ({"id": name} for name in session.exec(select(rows.PaperRow.id)))
    elif path.startswith(f"{PREFIX}/evidence/"):
        yield from ({"id": name} for name in session.exec(select(rows.EvidenceRow.id)))
    elif path.startswith(f"{PREFIX}/schema/"):
        yield from ({"kind": kind} for kind in KINDS)
    elif "{head}" in path:
        query = select(rows.HeadRow.model, rows.HeadRow.layer, rows.HeadRow.head).order_by(
            col(rows.HeadRow.model), col(rows.HeadRow.layer), col(rows.HeadRow.head)
        )
        for model, layer, head in session.exec(query):
            yield {"model": model, "layer": str(layer), "head": str(head)}
    else:
        yield from ({"model": name} for name in session.exec(select(rows.ModelRow.id)))


def _copy_for_aliases(session: Session, out: Path) -> int:
    """Write what answers under an alias of a model too: the same, so it is not asked for again."""
    written = 0
    names = session.exec(select(rows.ModelAliasRow.alias, rows.ModelAliasRow.model)).all()
    models = out / "models"
    for alias, model in names:
        if "/" in alias or (models / f"{alias}.json").exists():
            continue
        for file in sorted(models.glob(f"{model}.*")):
            if file.is_file() and file.stem == model:
                shutil.copyfile(file, models / f"{alias}{file.suffix}")
                written += 1
        if (models / model).is_dir():
            shutil.copytree(models / model, models / alias)
            written += sum(1 for file in (models / alias).rglob("*") if file.is_file())
    return written


async def _write(app: FastAPI, addresses: list[str], out: Path) -> int:
    written = 0
    for address in addresses:
        file = file_of(out, address)
        status, body = await _ask(
            app, address.removesuffix(".json") if _is_index(address) else address
        )
        if status == 200:  # records without scores have no matrix
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
            written += 1
        elif status != 404:
            raise RuntimeError(f"{address} answers {status}: {body[:200]!r}")
    return written


def _is_index(address: str) -> bool:
    return address == f"{PREFIX}.json"


def file_of(out: Path, address: str) -> Path:
    """Where the answer of an address is written."""
    inside = address.removeprefix(PREFIX)
    return out / (inside.removeprefix("/") if inside.startswith("/") else f"index{inside}")


async def _ask(app: FastAPI, path: str) -> tuple[int, bytes]:
    """One GET, without a server between."""
    status = 0
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},  # nobody listens while sending
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": None,
        "server": None,
    }
    await app(scope, receive, send)
    return status, b"".join(parts)
