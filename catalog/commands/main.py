"""The ``headbook`` command. Each subcommand is imported when it is asked for."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from catalog import __version__
from catalog.commands.errors import CommandError

# Rich would frame errors and help: what is read by scripts and people alike stays plain.
_PLAIN: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}

# One line a subcommand: its module under catalog.commands has a function of the same name.
SUBCOMMANDS = (
    "validate",
    "verify",
    "profile",
    "diff",
    "show",
    "stats",
    "db",
    "site",
    "serve",
    "mcp",
    "schema",
)

# Commands that have subcommands of their own: their module has an ``app``.
GROUPS = ("models",)


class _OnDemand(TyperGroup):
    """Imports the module of a subcommand when it is asked for; all of them only for the help."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the name that is called
        return [*SUBCOMMANDS, *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        names = self.list_commands(ctx)
        # of a misspelt name all must be there: what was meant is looked for among them
        for name in [cmd_name] if cmd_name in names else names:
            if name not in self.commands:
                self.commands[name] = _load(name)
        return self.commands.get(cmd_name)


def _load(name: str) -> Any:
    module = importlib.import_module(f"catalog.commands.{name}")
    if name in GROUPS:
        return typer.main.get_command(module.app)
    alone = typer.Typer(**_PLAIN)
    alone.command(name)(getattr(module, name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="headbook",
    help="The verified field guide to attention heads of language models.",
    cls=_OnDemand,
    no_args_is_help=True,
    **_PLAIN,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"headbook {__version__}")
        raise typer.Exit


@app.callback()
def _headbook(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """The verified field guide to attention heads of language models."""


def main() -> None:
    """Run the command; errors that a person can mend are printed, never a traceback."""
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:  # None where it was closed before Python started
                sys.stdout.flush()  # what cannot be written is told here, not while Python ends
    except CommandError as error:
        print(f"headbook: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _discard_output()  # whoever read us has left
    except SystemExit as stop:
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        _discard_output()  # the same, made an exit of 1 on its way here
    except OSError as error:
        # commands name the files that they cannot write: what is left is standard output
        if error.filename is not None or error.errno not in _OUTPUT_ERRORS:
            raise
        _discard_output()
        print(f"headbook: cannot write the output: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


_OUTPUT_ERRORS = frozenset({errno.ENOSPC, errno.EIO, errno.EBADF, errno.EDQUOT, errno.EFBIG})


def _discard_output() -> None:
    """Without this Python complains while it closes standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
