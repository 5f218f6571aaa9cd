"""A reader that has seen enough is no error."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMAND = [sys.executable, "-c", "from catalog.commands.main import main; main()"]


@pytest.mark.parametrize("arguments", [("show", "induction"), ("schema", "head-type")])
def test_a_closed_pipe_ends_the_command_quietly(arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()  # before anything is written, as `head` does sooner or later
    assert process.stderr is not None
    said = process.stderr.read()
    assert process.wait(timeout=120) == 0
    assert said == ""
