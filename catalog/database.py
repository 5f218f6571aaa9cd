"""The SQLite database: built once from entries and evidence, opened read-only.

``build`` is deterministic (the same catalog gives the same bytes with the same SQLite) and
atomic (an old file stays until the new one is whole).
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Engine
from sqlalchemy.pool import QueuePool, StaticPool
from sqlmodel import Session, create_engine

from catalog import rows
from catalog.lists.kept import Kept

if TYPE_CHECKING:
    from catalog.loading import Catalog


class DatabaseError(Exception):
    """The database file is missing, no database of this project, or of another schema."""


def build(catalog: Catalog, file: Path) -> None:
    """Write the database of ``catalog`` to ``file``, replacing what is there in one step.

    Raises:
        OSError: if the folder cannot be written to.
    """
    from catalog.answers import compute
    from catalog.filling import fill

    answers = compute(catalog)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    part = Path(name)
    try:
        engine = create_engine(URL.create("sqlite", database=str(part)))
        try:
            with engine.connect() as connection:
                # the file is thrown away if anything fails, so a journal would protect nothing
                connection.exec_driver_sql("PRAGMA journal_mode=OFF")
                connection.exec_driver_sql("PRAGMA synchronous=OFF")
            fill(engine, catalog, answers)
        finally:
            engine.dispose()
        part.chmod(0o644)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(file.parent)


def build_in_memory(catalog: Catalog) -> Session:
    """The same database without a file, for one command."""
    from catalog.answers import compute
    from catalog.filling import fill

    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    )
    fill(engine, catalog, compute(catalog))
    return Session(engine)


def open_engine(file: Path) -> Engine:
    """A read-only engine on a built database.

    Raises:
        DatabaseError: if the file is missing or was built by another version.
    """
    if not file.is_file():
        raise DatabaseError(f"there is no database at {file}; run: headbook db")
    address = f"file:{quote(str(file.resolve()))}?mode=ro&immutable=1"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, uri=True, check_same_thread=False),
        poolclass=QueuePool,
        max_overflow=-1,  # waiting for a connection would stop every other answer
    )
    try:
        with engine.connect() as connection:
            version = connection.exec_driver_sql(
                "SELECT value FROM meta WHERE key = 'schema_version'"
            ).scalar()
    except Exception as error:
        engine.dispose()
        raise DatabaseError(
            f"{file} is not a database of this project; run: headbook db"
        ) from error
    if version != str(rows.SCHEMA_VERSION):
        engine.dispose()
        raise DatabaseError(f"{file} was built by another version; run: headbook db")
    return engine


def open_session(file: Path) -> Session:
    """A read-only session on a built database.

    Raises:
        DatabaseError: if the file is missing or was built by another version.
    """
    return Session(open_engine(file))


@dataclass(frozen=True)
class Edition:
    """One version of the data, as it was read from one file."""

    file: Path
    dataset: str
    """Version of the data."""
    modified: float
    """When the file was put there, in seconds since 1970."""
    kept: Kept
    """What was worked out from it."""
    engine: Engine

    def session(self) -> Session:
        """A read-only session."""
        return Session(self.engine)


class Reader:
    """A database file that may be built anew while it is being served.

    The file is opened as immutable, so a connection keeps reading the file it was opened on; when
    another file has taken its place, the next edition is that.

    Raises:
        DatabaseError: if the file is missing or was built by another version.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._name = str(file)
        self._identity = _identity(self._name)
        self._edition = _open(file)

    def edition(self) -> Edition:
        """The file as it is now; the same object as long as the file is the same.

        Raises:
            DatabaseError: if the file is gone or was replaced by something else.
        """
        identity = _identity(self._name)
        if identity != self._identity:
            edition = _open(self._file)
            self._edition.engine.dispose()
            self._edition, self._identity = edition, identity
        return self._edition

    def session(self) -> Session:
        """A session on the file as it is now.

        Raises:
            DatabaseError: if the file is gone or was replaced by something else.
        """
        return self.edition().session()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self._edition.engine.dispose()


def _open(file: Path) -> Edition:
    engine = open_engine(file)
    with engine.connect() as connection:
        dataset = connection.exec_driver_sql(
            "SELECT value FROM meta WHERE key = 'dataset'"
        ).scalar_one()
    return Edition(file, str(dataset), file.stat().st_mtime, Kept(), engine)


def _identity(file: str) -> tuple[int, int, int] | None:
    """What differs between a file and the one that replaces it; asked for with every request."""
    try:
        status = os.stat(file)  # noqa: PTH116  (pathlib's takes three times as long)
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last; not every system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
