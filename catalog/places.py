"""Where the data rooms are: in a clone beside the packages, in a wheel under ``catalog/shipped``.

The wheel carries ``entries/``, ``site/`` and ``mkdocs.yml`` inside the ``catalog`` package (see
``[tool.hatch.build.targets.wheel.force-include]`` in ``pyproject.toml``), so that an installed
``headbook`` finds them from any folder. This is the one place that knows about the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CLONE = _PACKAGE.parent
_SHIPPED = _PACKAGE / "shipped"

ENTRIES_VARIABLE = "HEADBOOK_ENTRIES"


def in_clone() -> bool:
    """Whether the packages run from a checkout of the repository (not from an installed wheel)."""
    return (_CLONE / "entries").is_dir() and (_CLONE / "pyproject.toml").is_file()


def data_root() -> Path:
    """The folder that holds ``entries/``, ``site/`` and ``mkdocs.yml``."""
    return _CLONE if in_clone() else _SHIPPED


def entries_dir() -> Path:
    """The entries: ``$HEADBOOK_ENTRIES`` if set, else those of the clone or of the wheel."""
    chosen = os.environ.get(ENTRIES_VARIABLE)
    return Path(chosen) if chosen else data_root() / "entries"


def site_source_dir() -> Path:
    """Hand-written pages, templates and theme of the docs site."""
    return data_root() / "site"


def mkdocs_config() -> Path:
    """The mkdocs configuration."""
    return data_root() / "mkdocs.yml"


def build_dir() -> Path:
    """Where build products go: ``build/`` of the clone, or ``headbook-build/`` where one stands."""
    return _CLONE / "build" if in_clone() else Path.cwd() / "headbook-build"


def evidence_dir() -> Path:
    """Where new evidence goes by default.

    In a clone the committed evidence of the entries; from a wheel a folder where the user stands,
    because site-packages is not a place to write to.
    """
    if os.environ.get(ENTRIES_VARIABLE) or in_clone():
        return entries_dir() / "evidence"
    return Path.cwd() / "headbook-evidence"


def database_file() -> Path:
    """The SQLite database that ``headbook db`` builds."""
    return build_dir() / "headbook.sqlite"
