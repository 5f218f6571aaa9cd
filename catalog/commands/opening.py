"""How commands open the entries: errors in them are told, not raised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import places
from catalog.commands.errors import CommandError

if TYPE_CHECKING:
    from sqlmodel import Session

    from catalog.loading import Catalog


def load_entries(entries: Path | None, evidence: Sequence[Path] | None) -> Catalog:
    """The catalog, with the evidence of this machine if no folder is named.

    Raises:
        CommandError: if a folder is missing or the entries are not valid.
    """
    from catalog.loading import load
    from catalog.problems import InvalidEntries

    folders = list(evidence or ())
    for folder in [*folders, *([entries] if entries else [])]:
        if not folder.is_dir():
            raise CommandError(f"there is no folder {folder}", exit_code=2)
    own = places.evidence_dir()
    if entries is None and not folders and own.is_dir() and own != _shipped():
        folders = [own]
    try:
        return load(entries, folders)
    except InvalidEntries as error:
        raise CommandError(f"the entries are not valid:\n{error}") from error


def in_memory(entries: Path | None, evidence: Sequence[Path] | None) -> Session:
    """A session on the entries as they are now; no database file is needed.

    Raises:
        CommandError: if a folder is missing or the entries are not valid.
    """
    from catalog.database import build_in_memory

    return build_in_memory(load_entries(entries, evidence))


def _shipped() -> Path:
    return places.entries_dir() / "evidence"
