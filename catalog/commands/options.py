"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Entries = Annotated[
    Path | None,
    typer.Option(help="Folder of entries to read instead of the shipped ones."),
]
EvidenceFolders = Annotated[
    list[Path] | None,
    typer.Option(
        help="Folder of further evidence; may be given more than once, the last wins."
        " Records of a model that no entry describes are left out, and told."
    ),
]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")]
