"""Reads a built site as a browser would: links, what it loads, ids, scripts, handlers."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADING = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "link": ("href",),
    "iframe": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
"""Tags whose attributes make a browser fetch something."""


@dataclass
class Html(HTMLParser):
    """One page."""

    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    handlers: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    inline_scripts: list[str] = field(default_factory=list)
    _script: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._script = tag == "script"
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name.startswith("on"):
                self.handlers.append(f"{tag} {name}={value}")
            if name == "href" and tag == "a" and value:
                self.links.append(value)
            if name in LOADING.get(tag, ()) and value:
                self.loads.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = False

    def handle_data(self, data: str) -> None:
        (self.inline_scripts if self._script else self.text).append(data)


def read_page(file: Path) -> Html:
    """Parse one page."""
    page = Html()
    page.feed(file.read_text(encoding="utf-8"))
    page.close()
    return page


def read_site(root: Path) -> dict[Path, Html]:
    """All pages below ``root``."""
    return {file: read_page(file) for file in sorted(root.rglob("*.html"))}


def is_external(address: str) -> bool:
    """Whether an address names a scheme or a host."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc)


def broken_links(root: Path) -> list[str]:
    """Links and loads within the site that lead nowhere, ``page -> address``."""
    pages = read_site(root)
    broken: list[str] = []
    for file, page in pages.items():
        for address in page.links + page.loads:
            if is_external(address):
                continue
            path, anchor = urldefrag(address)
            path = unquote(urlsplit(path).path)
            # Only the page of errors, which stands for any address, starts from the root
            base = root if path.startswith("/") else file.parent
            target = (base / path.lstrip("/")).resolve() if path else file
            if target.is_dir():
                target = target / "index.html"
            if not target.is_file() or root.resolve() not in [target, *target.resolve().parents]:
                broken.append(f"{file.relative_to(root)} -> {address}")
            elif anchor and target.suffix == ".html":
                known = pages.get(target) or read_page(target)
                if unquote(anchor) not in known.ids and anchor != "__skip":
                    broken.append(f"{file.relative_to(root)} -> {address} (no such anchor)")
    return broken
