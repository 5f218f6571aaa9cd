"""The help of every subcommand."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from catalog.commands.main import GROUPS, SUBCOMMANDS, app


@pytest.mark.parametrize("name", [*SUBCOMMANDS, *GROUPS])
def test_help_says_how_a_command_is_used(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"], prog_name="headbook")
    assert result.exit_code == 0
    usage = result.output.splitlines()[0]
    assert usage.startswith(f"Usage: headbook {name} [OPTIONS]")
    assert "[[" not in usage
