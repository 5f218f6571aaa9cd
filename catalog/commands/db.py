"""``headbook db``: build the SQLite database that the API and the site read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog import places
from catalog.commands.options import Entries, EvidenceFolders


def db(
    out: Annotated[
        Path | None, typer.Option(help="The file to write; build/headbook.sqlite if not given.")
    ] = None,
    entries: Entries = None,
    evidence: EvidenceFolders = None,
) -> None:
    """Build the database from entries and evidence."""
    from catalog.commands.errors import CommandError
    from catalog.commands.opening import load_entries
    from catalog.database import build

    file = out or places.database_file()
    catalog = load_entries(entries, evidence)
    if file.is_dir():
        raise CommandError(f"{file} is a folder: --out names the file to write", exit_code=2)
    try:
        build(catalog, file)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CommandError(
            f"cannot write {file}: {reason}; name another file with --out"
        ) from error
    typer.echo(
        f"{file}: {len(catalog.head_types)} head types, {len(catalog.papers)} papers,"
        f" {len(catalog.models)} models, {len(catalog.evidence)} evidence records"
        f" (data {catalog.version})"
    )
