"""``headbook models``: what the verifier can measure."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from catalog.commands.errors import CommandError
from catalog.commands.model_run import need_torch
from catalog.commands.options import Form

if TYPE_CHECKING:
    from verify.architectures import Architecture
    from verify.support import Support

app = typer.Typer(
    help="What the verifier can measure.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback()
def _models() -> None:
    """What the verifier can measure."""


@app.command()
def support(form: Form = "text") -> None:
    """Check tiny models of many architectures against transformers, and print how exact it is.

    Measured now, with the installed transformers: largest difference of attention from eager
    attention; of the heads' sum from what the attention block wrote, relative to its largest
    number; of the sum of all direct logit attributions from the logits, likewise. An architecture
    that is refused here is refused wherever it is met, with the same reason.
    """
    need_torch()
    from transformers.utils import logging

    from verify.support import table

    logging.set_verbosity_error()
    rows = table()
    if form == "json":
        typer.echo(
            json.dumps(
                [
                    {"name": architecture.name, "traits": architecture.traits, **asdict(found)}
                    for architecture, found in rows
                ],
                indent=2,
            )
        )
    else:
        _print(rows)
    wrong = [a.name for a, found in rows if found.read != "refused" and not found.exact]
    if wrong:
        raise CommandError(f"not exact: {', '.join(wrong)}")


def _print(rows: list[tuple[Architecture, Support]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for column in ("architecture", "what is special", "read through"):
        table.add_column(column, overflow="fold")
    for column in ("attention", "heads' sum", "logits"):
        table.add_column(column, justify="right", no_wrap=True)
    for architecture, found in rows:
        if found.read != "refused":
            table.add_row(
                found.architecture,
                architecture.traits,
                found.read,
                *("" if value is None else f"{value:.0e}" for value in found.errors),
            )
    console = Console()
    if console.width < 100 and not console.is_terminal:
        console = Console(width=120)  # a file or pipe has no width of its own
    console.print(table)
    for architecture, found in rows:
        if found.read == "refused":
            console.print(
                f"refused ({architecture.traits}): {found.reason}", highlight=False, markup=False
            )
