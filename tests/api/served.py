"""``headbook serve`` in a process of its own, for tests that need a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADBOOK = [sys.executable, "-c", "from catalog.commands.main import main; main()"]


def start(*arguments: str) -> subprocess.Popen[str]:
    """The server as a process."""
    return subprocess.Popen(
        [*HEADBOOK, "serve", *arguments],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def address_of(server: subprocess.Popen[str]) -> str:
    """The address in the line that is printed, within the patience of the test."""
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"http://[\d.]+:(\d+)", line)
    assert found is not None, f"{line!r} {server.stderr.read() if server.stderr else ''}"
    assert int(found[1]) > 0
    return found[0]


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address of a server that lives as long as the block."""
    process = start("--port", "0", *arguments)
    try:
        yield address_of(process)
    finally:
        process.kill()
        process.communicate()
