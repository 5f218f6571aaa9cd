"""What mkdocs is told while it builds: the navigation, where a page comes from, whose output it is.

The navigation is written by ``render.py`` beside the pages, because only it knows them all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.pages import Page

NAVIGATION = ".navigation.json"
SITE_MARKER = ".headbook-site"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the navigation.

    Raises:
        PluginError: if the pages were not written yet.
    """
    file = Path(config.docs_dir) / NAVIGATION
    if not file.is_file():
        raise PluginError(
            f"{config.docs_dir} holds no pages of Headbook: run `python site/render.py` first, or"
            " `headbook site`, which does both"
        )
    config.nav = json.loads(file.read_text(encoding="utf-8"))
    return config


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Link the file that a page is made from, if the repository has an address."""
    repository = str(config.extra.get("repository") or "").rstrip("/")
    source = page.meta.get("source")
    if repository and source:
        page.edit_url = f"{repository}/edit/main/{source}"
    return markdown


def on_post_build(config: MkDocsConfig) -> None:
    """Mark the output, so that ``headbook site`` knows what it may replace."""
    Path(config.site_dir, SITE_MARKER).write_text(
        "Written by mkdocs for Headbook; the next build replaces this folder.\n", encoding="utf-8"
    )
