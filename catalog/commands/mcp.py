"""``headbook mcp``: the catalog for agents, over the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog import places


def mcp(
    database: Annotated[
        Path | None, typer.Option(help="Database file; build/headbook.sqlite if not given.")
    ] = None,
) -> None:
    """Answer an agent on standard input and output: search, read an entry, look up a head."""
    from catalog.commands.errors import CommandError
    from catalog.database import DatabaseError

    try:
        from api.agents import create_server
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] != "mcp":
            raise
        raise CommandError(
            "serving agents needs 'mcp', which is not installed: run pip install 'headbook[mcp]'"
        ) from None
    try:
        server = create_server(database or places.database_file())
    except DatabaseError as error:
        raise CommandError(str(error)) from error
    server.run("stdio")
