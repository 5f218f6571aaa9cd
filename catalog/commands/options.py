"""Options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT]?)(I?)B?", re.IGNORECASE)


def _bytes(size: str) -> int:
    """Bytes of a size such as 6GB, 800 MiB or 500000000."""
    found = _SIZE.fullmatch(size.strip())
    if found is None or not float(found[1]):
        raise typer.BadParameter(f"'{size}' is no size; sizes look like 800MB, 6GB or 6GiB")
    base = 1024 if found[3] else 1000
    return int(float(found[1]) * base ** " KMGT".index(found[2].upper() or " "))


Entries = Annotated[
    Path | None,
    typer.Option(help="Folder of entries to read instead of the shipped ones."),
]
EvidenceFolders = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder of further evidence; may be given more than once, the last wins."
        " Records of a model that no entry describes are left out, and told.",
    ),
]
Form = Annotated[Literal["text", "json"], typer.Option("--format", help="How to print it.")]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Prompts a forward pass; found if not given.")
]
LimitMemory = Annotated[
    int | None,
    typer.Option(
        metavar="SIZE",
        parser=_bytes,
        help="Most memory for weights and activations together, such as 6GB.",
    ),
]
