"""Small pages, stamped into the frame of a page that mkdocs built.

A model of 32 x 32 heads can have a thousand heads of which something is known. Each is a page, but
all of them have the same header and footer: mkdocs makes that frame once, with marks for title,
description, sidebar and content, and the pages are cut from it. The frame lies three folders deep,
as do all pages that are stamped, so that its relative addresses hold for them.

``render.py`` collects the pages with :class:`Sheet` and writes them beside its Markdown
(``.stamped.json``, which mkdocs passes over); the hook stamps them when mkdocs is done.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE = ".stamped.json"
BESIDE = ".beside.json"
"""Sidebars of pages that mkdocs builds and that list what is near, as stamped pages do."""

DEPTH = 3
TITLE = "headbook-stamped-title"
DESCRIPTION = "headbook-stamped-description"
CONTENT = "headbook-stamped-content"
NEAR = "headbook-stamped-near"
"""Title of the one entry of a sidebar that the page's own take the place of."""

_NEAR = re.compile(rf"<li\b[^>]*>(?:(?!<li\b).)*?{NEAR}.*?</li>", re.DOTALL)


@dataclass(frozen=True)
class Stamped:
    """One page: where it lies (``models/x/9.9``), in which frame, and what is in it."""

    path: str
    frame: str
    title: str
    description: str
    html: str
    near: str
    """What its sidebar lists (``near.py``), as list items."""
    search: bool = True

    @property
    def location(self) -> str:
        """Its address below the site, as the search index has it."""
        return f"{self.path}/"


@dataclass
class Sheet:
    """The pages to be stamped."""

    pages: list[Stamped] = field(default_factory=list)

    def add(self, page: Stamped) -> None:
        """Take one more page.

        Raises:
            ValueError: if it does not lie as deep as the frame.
        """
        if page.path.count("/") != DEPTH - 1:
            raise ValueError(f"{page.path} does not lie {DEPTH} folders deep")
        self.pages.append(page)

    def write(self, docs: Path) -> None:
        """Write the sheet beside the pages of mkdocs."""
        text = json.dumps([asdict(page) for page in self.pages], ensure_ascii=False, indent=0)
        (docs / FILE).write_text(text + "\n", encoding="utf-8")


def stamp(docs: Path, site: Path, frames: Mapping[str, str]) -> list[Stamped]:
    """Write the pages of a sheet into a built site and return them.

    Args:
        docs: where ``render.py`` wrote.
        site: where mkdocs wrote.
        frames: name -> the whole HTML of a frame.

    Raises:
        ValueError: if a frame has not every mark.
    """
    sheet = docs / FILE
    if not sheet.is_file():
        return []
    pages = [Stamped(**data) for data in json.loads(sheet.read_text(encoding="utf-8"))]
    parts = {name: _parts(name, text) for name, text in frames.items()}
    for page in pages:
        before, between, after = parts[page.frame]
        title, description = html.escape(page.title), html.escape(page.description)
        folder = site / page.path
        folder.mkdir(parents=True, exist_ok=True)
        text = (before + page.near + between + page.html + after).replace(TITLE, title)
        (folder / "index.html").write_text(
            text.replace(DESCRIPTION, description), encoding="utf-8", newline="\n"
        )
    return pages


def with_near(page: str, html: str, near: str) -> str:
    """The HTML of a page with ``near``, list items, where the mark of its sidebar stands.

    Raises:
        ValueError: if it has not exactly one.
    """
    marks = _NEAR.findall(html)
    if len(marks) != 1 or html.count(NEAR) != 1:
        raise ValueError(f"the sidebar of '{page}' has not its mark exactly once")
    before, _, after = html.partition(marks[0])
    return before + near + after


def _parts(name: str, frame: str) -> tuple[str, str, str]:
    """What stands before, between and after sidebar and content, a paragraph of its own."""
    mark = f"<p>{CONTENT}</p>"
    near = _NEAR.findall(frame)
    marks = (len(near), frame.count(NEAR), frame.count(mark)) == (1, 1, 1)
    if not marks or TITLE not in frame or DESCRIPTION not in frame:
        raise ValueError(f"the frame '{name}' has not every mark exactly once")
    before, _, rest = frame.partition(near[0])
    between, _, after = rest.partition(mark)
    return before, between, after
