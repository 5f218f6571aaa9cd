"""``headbook schema``: the JSON Schema of an entry, for editors."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer


def schema(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="head-type (the default), paper, model, vocabulary, text, redirects, survey,"
            " change or evidence.",
            metavar="KIND",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write <kind>.schema.json into this folder; without KIND, of all kinds."),
    ] = None,
) -> None:
    """Print the JSON Schema of an entry, so that an editor completes and checks its fields."""
    from catalog.json_schema import KINDS, json_schema
    from catalog.suggestions import did_you_mean

    if kind is not None and kind not in KINDS:
        near = did_you_mean(kind, KINDS)
        better = f"did you mean '{near}'? " if near else ""
        raise _command_error(
            f"unknown kind '{kind[:60]}'; {better}one of {', '.join(KINDS)}", exit_code=2
        )
    if out is None:
        typer.echo(_text(json_schema(kind or "head-type")), nl=False)
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in [kind] if kind else KINDS:
            file = out / f"{name}.schema.json"
            _write(file, _text(json_schema(name)))
            typer.echo(str(file))
    except OSError as error:
        raise _command_error(f"cannot write to {out}: {error.strerror}") from error


def _text(data: dict[str, object]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half a file."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        temporary.chmod(0o644)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _command_error(message: str, exit_code: int = 1) -> Exception:
    # imported late: the module of the command itself imports every subcommand
    from catalog.commands.errors import CommandError

    return CommandError(message, exit_code=exit_code)
