"""Files that are there whole or not at all, whenever a process is killed."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress
from glob import escape
from pathlib import Path

_LEFT_BEHIND = 60.0
"""Seconds after which a part is nobody's: to write a whole one takes a fraction of one."""


def write_whole(content: bytes, path: Path) -> None:
    """Write a file beside its place and move it there.

    What a killed process left of the same file is removed.

    Raises:
        OSError: if it cannot be written; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_behind(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_left_behind(path: Path) -> None:
    """Another process may be writing the same file now: only old parts go."""
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _LEFT_BEHIND:
                part.unlink()
