"""Checks of entries against each other."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.entry_files import Contents
from catalog.problems import Problem


def check(contents: Contents) -> Iterator[Problem]:  # noqa: ARG001
    """All problems between files."""
    yield from ()
