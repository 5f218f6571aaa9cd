"""What mkdocs is told while it builds: the navigation, where a page comes from, whose output it is.

The navigation is written by ``render.py`` beside the pages, because only it knows them all. Two
things keep the build fast and growing with the number of pages, not with its square:

- A page of ``render.py`` is headings and finished HTML. The HTML goes around mkdocs: in its place
  stands an empty ``div`` while Markdown is converted, and its words alone while the search index is
  made; it is put back when the page is written.
- What would be thousands of small pages (one a head) is not given to mkdocs at all. It is stamped
  into the frame of one page that mkdocs built (``stamping.py``).
"""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Link, Navigation, Section
from mkdocs.structure.pages import Page

# mkdocs loads a hook without the folder it lies in
sys.path.insert(0, str(Path(__file__).resolve().parent))
import search_worker
import stamping

NAVIGATION = ".navigation.json"
SITE_MARKER = ".headbook-site"
_PAGES = Path(__file__).resolve().parent / "pages"

_HEADING = re.compile(r"(?:\A|(?<=\n\n))(#{1,4} [^\n]+)(?=\n\n|\n?\Z)")
_UNSEARCHED = re.compile(r"<(svg|figure|form|script|select)\b.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_INDENT = re.compile(r"\n\s+")
_SOURCE = re.compile(r'<code class="hb-path">[^<]*</code>')
_WEB = re.compile(r"https?://[\w.:-]+/[\w./~-]+")
_PLACE = re.compile(r'<div data-hb-chunk="(\d+)">[^<]*</div>')

_chunks: dict[str, list[str]] = {}
_frames: dict[str, str] = {}
_beside: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Read the navigation.

    Raises:
        PluginError: if the pages were not written yet, or the repository has no web address.
    """
    file = Path(config.docs_dir) / NAVIGATION
    if not file.is_file():
        raise PluginError(
            f"{config.docs_dir} holds no pages of Headbook: run `python site/render.py` first, or"
            " `headbook site`, which does both"
        )
    config.nav = json.loads(file.read_text(encoding="utf-8"))
    if address := repository(config):
        link = f'<a href="{html.escape(address)}">Repository</a>.'
        config.copyright = f"{(config.copyright or '').strip()} {link}"
    _chunks.clear()
    _frames.clear()
    _beside.clear()
    beside = file.with_name(stamping.BESIDE)
    if beside.is_file():
        _beside.update(json.loads(beside.read_text(encoding="utf-8")))
    return config


def repository(config: Any) -> str:
    """Web address of the repository, without a slash at its end; empty if it is not set.

    Raises:
        PluginError: if it is set to something else than a web address.
    """
    address = str(config.extra.get("repository") or "").strip().rstrip("/").removesuffix(".git")
    if address and not _WEB.fullmatch(address):
        raise PluginError(
            f"HEADBOOK_REPOSITORY (extra.repository in mkdocs.yml) is {address!r}, which is no web"
            " address of a repository, such as https://github.com/you/headbook"
        )
    return address


def on_nav(nav: Navigation, files: Files, **_: Any) -> Navigation:
    """Put pages that the navigation leaves out below the section of their folder.

    Their tab is then marked, and their sidebar does not grow with the number of pages.
    """
    sections = {}
    for item in nav.items:
        for page in item.children or ():
            if page.is_page and page.file.src_uri.endswith("/index.md"):
                sections[page.file.src_uri.split("/")[0]] = item
    for file in files.documentation_pages():
        section = sections.get(file.src_uri.split("/")[0])
        if file.page is not None and file.page.parent is None and section is not None:
            file.page.parent = section
    return nav


def on_page_context(context: Any, page: Page, nav: Navigation, **_: Any) -> Any:
    """Where a sidebar lists what is near, let a mark stand for all of its section but the first."""
    if page.meta.get("frame") or page.file.src_uri in _beside:
        context["nav"] = Navigation([_marked(item) for item in nav.items], nav.pages)
    return context


def _marked(item: Any) -> Any:
    if not item.is_section or not item.active:
        return item
    section = Section(item.title, [item.children[0], Link(stamping.NEAR, "#")])
    section.active = True
    return section


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Take finished HTML out; link the file that a page is made from, if that has an address."""
    address = repository(config)
    source = page.meta.get("source") or _hand_written(page)
    if address and source:
        page.edit_url = f"{address}/edit/main/{source}"
    if not page.meta.get("prerendered"):
        return markdown
    chunks = _chunks[page.file.src_uri] = []
    parts = []
    for position, part in enumerate(_HEADING.split(markdown)):
        if position % 2:
            parts.append(part)
        elif part.strip():
            parts.append(f'<div data-hb-chunk="{len(chunks)}"></div>')
            chunks.append(part.strip("\n"))
    return "\n\n".join(parts) + "\n"


def _hand_written(page: Page) -> str | None:
    """The file in the repository of a page that ``render.py`` copies as it is."""
    name = page.file.src_uri
    return f"site/pages/{name}" if (_PAGES / name).is_file() else None


def on_page_content(content: str, page: Page, **_: Any) -> str:
    """Give the search index the words of the HTML that was taken out."""
    chunks = _chunks.get(page.file.src_uri)
    if chunks is None:
        return content
    return _PLACE.sub(
        lambda place: f'<div data-hb-chunk="{place[1]}">{words(chunks[int(place[1])])}</div>',
        content,
    )


def words(chunk: str) -> str:
    """The text of a piece of HTML, without pictures and forms; still escaped."""
    return " ".join(_TAG.sub(" ", _UNSEARCHED.sub(" ", chunk).replace("<wbr>", "")).split())


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Put the HTML back; keep the frames that other pages are stamped into."""
    chunks = _chunks.pop(page.file.src_uri, None)
    frame = page.meta.get("frame")
    if chunks is not None or frame:
        # The theme's indentation is a third of a small page. Text where it would count is in the
        # HTML that is put back.
        output = _INDENT.sub("\n", output)
    if (near := _beside.get(page.file.src_uri)) is not None:
        output = stamping.with_near(page.file.src_uri, output, near)
    if chunks is not None:
        output = _PLACE.sub(lambda place: chunks[int(place[1])], output)
    if page.edit_url:
        link = f'<a href="{html.escape(page.edit_url)}">'
        output = _SOURCE.sub(lambda named: f"{link}{named[0]}</a>", output)
    if frame:
        _frames[frame] = output
        return ""  # mkdocs writes no file for a page without output
    return output


def on_post_build(config: MkDocsConfig) -> None:
    """Stamp the small pages, mend the search, and mark the output as ``headbook site``'s own."""
    site = Path(config.site_dir)
    entries = stamping.stamp(Path(config.docs_dir), site, _frames)
    index = site / "search" / "search_index.json"
    if entries and index.is_file():
        data = json.loads(index.read_text(encoding="utf-8"))
        data["docs"] += [
            {
                "location": entry.location,
                "title": html.escape(entry.title),
                "text": words(entry.html),
            }
            for entry in entries
            if entry.search
        ]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        index.write_text(text, encoding="utf-8")
    search_worker.mend(site)
    (site / SITE_MARKER).write_text(
        "Written by mkdocs for Headbook; the next build replaces this folder.\n", encoding="utf-8"
    )
