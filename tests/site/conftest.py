"""The scripts of ``site/`` import one another as top-level modules, as they do when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SITE = Path(__file__).resolve().parents[2] / "site"
if str(SITE) not in sys.path:
    sys.path.insert(0, str(SITE))


@pytest.fixture(scope="session")
def build_book() -> Callable[[Any, Path], Path]:
    """Writes the pages of a book and lets mkdocs build them, strictly; returns the site."""
    from render import write_pages

    from catalog.commands import main, site

    assert main.app

    def build(book: Any, folder: Path) -> Path:
        write_pages(book, folder / "docs")
        out = folder / "site"
        out.mkdir()
        site.run_mkdocs(folder / "docs", out)
        return out

    return build


@pytest.fixture(scope="session")
def full_site(
    build_book: Callable[[Any, Path], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The site of ``examples.full_book``."""
    from tests.site.examples import full_book

    return build_book(full_book(), tmp_path_factory.mktemp("full"))
