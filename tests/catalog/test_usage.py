"""The help of every subcommand, and wrong use of those that run a model, before torch is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.commands.errors import CommandError
from catalog.commands.main import GROUPS, SUBCOMMANDS, app
from tests.catalog.entries_tree import edit


@pytest.mark.parametrize("name", [*SUBCOMMANDS, *GROUPS])
def test_help_says_how_a_command_is_used(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], prog_name="headbook")
    assert result.exit_code == 0
    usage = result.output.splitlines()[0]
    assert usage.startswith(f"Usage: headbook {name} [OPTIONS]")
    assert "[[" not in usage


def wrong(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and message of a command that does not start."""
    error = CliRunner().invoke(app, [str(argument) for argument in arguments]).exception
    assert isinstance(error, CommandError)
    return error.exit_code, str(error)


@pytest.mark.parametrize("command", ["verify", "profile"])
def test_entries_that_cannot_be_run(command: str, entries: Path) -> None:
    nowhere = entries / "nowhere"
    assert wrong(command, "--entries", nowhere) == (2, f"there is no folder {nowhere}")
    edit(entries, "papers/gould2023successor.yaml", "year: 2023", "yeer: 2023")
    see = f"see: headbook validate --entries {entries}"
    assert wrong(command, "--entries", entries) == (1, f"the entries have 1 error; {see}")
    spaced = entries.rename(entries.with_name("my entries"))  # the command can be pasted
    assert wrong(command, "--entries", spaced)[1].endswith(f"validate --entries '{spaced}'")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("verify", "--expect", "fuond"),
            "--expect is one of found, not-found, inconclusive, not-applicable; not 'fuond'"
            " (did you mean 'found'?)",
        ),
        (
            ("profile", "--dtype", "int8"),
            "--dtype is one of float32, bfloat16, float16; not 'int8'",
        ),
        (
            ("profile", "--stage", "late-reasoning"),
            "--stage is one of knowledge-recalling, in-context-identification, latent-reasoning,"
            " expression-preparation; not 'late-reasoning' (did you mean 'latent-reasoning'?)",
        ),
    ],
)
def test_a_value_that_an_option_cannot_have(arguments: tuple[str, ...], message: str) -> None:
    assert wrong(*arguments) == (2, message)
