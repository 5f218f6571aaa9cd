"""``headbook validate``: everything that is wrong with the entries, with file, line and column."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catalog.commands.options import Entries

if TYPE_CHECKING:
    from catalog.loading import Catalog


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files or folders of the entries to report on (all are read all the same).",
            metavar="PATHS",
        ),
    ] = None,
    form: Annotated[
        Literal["text", "json", "github"],
        typer.Option("--format", help="Lines, one JSON object, or GitHub annotations."),
    ] = "text",
    entries: Entries = None,
) -> None:
    """Check all entries, each by itself and against each other. Exits with 1 if there are errors.

    With PATHS only errors in those files are shown and counted, so that one file can be checked
    while others are unfinished.
    """
    from catalog import places
    from catalog.loading import read
    from catalog.problems import render

    folder = entries or places.entries_dir()
    if not folder.is_dir():
        raise _command_error(f"there is no folder {folder}", exit_code=2)
    chosen = _shown_names(paths or (), folder)
    reading = read(folder)
    files = [file for file in reading.files if _among(file, chosen)]
    problems = [problem for problem in reading.problems if _among(problem.file, chosen)]
    others = len(reading.problems) - len(problems)

    if problems or form == "json":
        typer.echo(render(problems, form, files=len(files)))
    if form != "json":
        typer.echo(_summary(len(files), len(problems), others, reading.catalog))
    if problems:
        raise typer.Exit(1)


def _shown_names(paths: Sequence[Path], folder: Path) -> list[str]:
    """Paths as problems name them.

    Raises:
        CommandError: for a path that does not exist or lies elsewhere.
    """
    root = folder.resolve()
    names = []
    for path in paths:
        if not (path.exists() or path.is_symlink()):
            raise _command_error(f"there is no file or folder {path}", exit_code=2)
        plain = Path(os.path.normpath(Path.cwd() / path))
        # a link is named by its own place, not by what it points to
        whole = plain.parent.resolve() / plain.name
        if not whole.is_relative_to(root):
            raise _command_error(f"{path} does not lie in the entries ({folder})", exit_code=2)
        names.append((Path(root.name) / whole.relative_to(root)).as_posix())
    return names


def _among(file: str, chosen: Sequence[str]) -> bool:
    return not chosen or any(file == name or file.startswith(f"{name}/") for name in chosen)


def _summary(files: int, errors: int, others: int, catalog: Catalog | None) -> str:
    text = f"{_count(files, 'file')}, {_count(errors, 'error') if errors else 'no errors'}"
    if others:
        text += f" ({_count(others, 'error')} in other files)"
    if catalog is None:
        return text
    counts = [
        _count(number, what)
        for number, what in (
            (len(catalog.head_types), "head type"),
            (len(catalog.papers), "paper"),
            (len(catalog.models), "model"),
            (sum(len(entry.claims) for entry in catalog.head_types.values()), "claim"),
            (len(catalog.vocabularies), "word list"),
            (len(catalog.texts), "text set"),
            (len(catalog.changes), "change"),
            (len(catalog.evidence), "evidence record"),
            *([(len(catalog.checkpoints), "checkpoint")] if catalog.checkpoints else []),
        )
    ]
    return f"{text} ({', '.join(counts)})"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _command_error(message: str, exit_code: int = 1) -> Exception:
    # imported late: the module of the command itself imports every subcommand
    from catalog.commands.errors import CommandError

    return CommandError(message, exit_code=exit_code)
