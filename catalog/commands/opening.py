"""How commands open the entries: errors in them are told, not raised."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from catalog import places
from catalog.commands.errors import CommandError

if TYPE_CHECKING:
    from sqlmodel import Session

    from catalog.loading import Catalog


def load_entries(entries: Path | None, evidence: Sequence[Path] | None) -> Catalog:
    """The catalog, with the evidence of this machine if no folder is named.

    Evidence of a model that no entry describes is left out, which standard error tells.

    Raises:
        CommandError: if a folder is missing or the entries are not valid.
    """
    from catalog.loading import read
    from catalog.problems import InvalidEntries

    folders = list(evidence or ())
    for folder in [*folders, *([entries] if entries else [])]:
        if not folder.is_dir():
            raise CommandError(f"there is no folder {folder}", exit_code=2)
    own = places.evidence_dir()
    if entries is None and not folders and own.is_dir() and own != _shipped():
        folders = [own]
    reading = read(entries, folders)
    if reading.catalog is None:
        raise CommandError(f"the entries are not valid:\n{InvalidEntries(reading.problems)}")
    for model, count in sorted(reading.undescribed.items()):
        typer.echo(_left_out(model, count), err=True)
    return reading.catalog


def _left_out(model: str, count: int) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in model)
    return (
        f"{count} record{'s' * (count > 1)} of {shown} left out: no entry describes that model"
        f" (add entries/models/{shown}.yaml, or verify with --as)"
    )


def in_memory(entries: Path | None, evidence: Sequence[Path] | None) -> Session:
    """A session on the entries as they are now; no database file is needed.

    Raises:
        CommandError: if a folder is missing or the entries are not valid.
    """
    from catalog.database import build_in_memory

    return build_in_memory(load_entries(entries, evidence))


def _shipped() -> Path:
    return places.entries_dir() / "evidence"
