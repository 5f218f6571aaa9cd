"""One page: its address, its way to the others, and the templates that it is made with."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import jinja2
import pygments  # type: ignore[import-untyped]
import wording
from book import standing
from markupsafe import Markup
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from recipe_words import identify_words, steps
from recipe_yaml import recipe_yaml
from safe_prose import breakable, code, inline, markdown_text, prose, web

from catalog.drawing.escaping import plain, still
from catalog.drawing.numbers import number, q_value
from catalog.responses import ClaimResult

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_OPTION = re.compile(r"(?<=>)--?[a-z][a-z-]*")
_FILES = {".svg", ".json", ".xml"}


class Page:
    """One page to be.

    Args:
        path: path below the docs folder without ``.md``, ``head-types/induction``.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    @property
    def folder(self) -> str:
        """The folder that the page becomes (``use_directory_urls``), without slashes outside."""
        if posixpath.basename(self.path) == "index":
            return posixpath.dirname(self.path)
        return self.path

    def to(self, target: str, anchor: str = "") -> str:
        """Relative address of another page (``papers/x``, ``papers/``) or file (``a/b.svg``)."""
        return _relative(self.folder, target) + (f"#{anchor}" if anchor else "")


@lru_cache(maxsize=4096)
def _relative(folder: str, target: str) -> str:
    is_file = posixpath.splitext(target)[1] in _FILES
    relative = posixpath.relpath("/" + target.strip("/"), "/" + folder)
    return relative if is_file else relative + "/"


def said_once(claims: Iterable[ClaimResult]) -> list[ClaimResult]:
    """The first claim of each head type, paper and verdict: a list of names says each once."""
    once: dict[tuple[str, str, str], ClaimResult] = {}
    for claim in claims:
        once.setdefault((claim.head_type, claim.paper, claim.verdict), claim)
    return list(once.values())


@cache
def _formatter(language: str) -> HtmlFormatter:
    return HtmlFormatter(cssclass=f"highlight language-{language}", wrapcode=True)


def empty_cell(value: object) -> Markup:
    """Marks a cell that says nothing, which a phone leaves out of the card of its row."""
    return Markup("" if value else ' class="hb-blank"')


@cache
def highlighted(text: str, language: str) -> Markup:
    """A block of code; the theme adds its copy button."""
    made = pygments.highlight(
        text.rstrip("\n"),
        get_lexer_by_name(language),
        _formatter(language),
    )
    if language == "bash":  # a line breaks before an option, never within one
        made = _OPTION.sub(r'<span class="hb-option">\g<0></span>', made)
    return Markup(still(made.strip()))


def environment() -> jinja2.Environment:
    """Templates with autoescape, always: most of what they print was written by strangers."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        prose=prose,
        inline=inline,
        heading=markdown_text,
        breakable=breakable,
        code=code,
        web=web,
        standing=standing,
        revision=lambda text: text[:12],
        number=number,
        meta=lambda text: Markup(json.dumps(plain(text))),
        bigger=lambda value: f"{value:,}".replace(",", "\u202f"),
        said_once=said_once,
        some=lambda count, name: f"{count} {name}" + ("" if count == 1 else "s"),
    )
    made.globals.update(
        words=wording,
        highlighted=highlighted,
        identify_words=identify_words,
        recipe_yaml=recipe_yaml,
        steps=steps,
        empty_cell=empty_cell,
        number=number,
        q_value=q_value,
    )
    return made
