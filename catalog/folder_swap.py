"""Replace a folder that a program writes as a whole, and no other folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInTheWay(Exception):
    """The folder holds something that this program did not write; it is left as it is."""


class FolderNotWritable(Exception):
    """The folder cannot be written where it was asked for."""


def check_replaceable(target: Path, *, marker: str) -> None:
    """Say now, before any work is done, whether :func:`replace_folder` would refuse ``target``.

    Raises:
        FolderInTheWay: if it would.
        FolderNotWritable: if the folder is there and cannot be read, or no folder can be there.
    """
    try:
        if target.exists() and not target.is_dir():
            raise FolderInTheWay(f"{target} is a file: name a folder to write to")
        if target.is_dir() and any(target.iterdir()) and not (target / marker).exists():
            raise FolderInTheWay(
                f"{target} is not empty and was not written by this command, so it is left as it"
                " is: name another folder or remove it"
            )
    except OSError as error:
        raise FolderNotWritable(f"cannot write {target}: {error.strerror or error}") from error


@contextmanager
def replace_folder(target: Path, *, marker: str) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place when the block ends well.

    If the block raises, ``target`` stays as it was.

    Args:
        target: the folder to replace; may be missing.
        marker: name of a file that tells our own work from others'. The block writes it; a
            ``target`` that is neither empty nor has it is refused.

    Raises:
        FolderInTheWay: before anything is written.
        FolderNotWritable: before anything is written.
    """
    target = target.absolute()
    check_replaceable(target, marker=marker)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    except OSError as error:
        raise FolderNotWritable(f"cannot write {target}: {error.strerror or error}") from error
    old = fresh.with_suffix(".old")
    try:
        fresh.chmod(0o755)  # mkdtemp gives a private folder; this one is to be served
        yield fresh
        if target.is_dir():
            target.rename(old)
        fresh.rename(target)
    finally:
        if old.is_dir() and not target.exists():
            old.rename(target)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
