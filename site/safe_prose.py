"""Contributors' text on its way into a page: everything that could be markup is taken out.

The schema refuses raw HTML and links to anything but https before an entry gets here. This module
does not rely on it: prose goes through a Markdown converter without raw HTML and without images,
and the resulting tree is rebuilt from a list of allowed tags. A page keeps the result inside a
block of HTML, which mkdocs' own Markdown pass leaves alone.
"""

from __future__ import annotations

import re
from functools import cache
from xml.etree.ElementTree import Element

import markdown  # type: ignore[import-untyped]
from markdown.treeprocessors import Treeprocessor  # type: ignore[import-untyped]
from markupsafe import Markup

from catalog.drawing.escaping import plain, still

ALLOWED_TAGS = frozenset(
    {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "blockquote", "br", "hr", "a"}
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_PLAIN = re.compile(r"[^A-Za-z0-9 ,]")
_OUTSIDE_CODE = re.compile(r"<code>.*?</code>|[^<]+", re.DOTALL)
"""A piece of code, whole, or the text between two tags."""
_LONG = re.compile(r"[\w./-]{16,}")
_PARTS = re.compile(r"(?<=[/_])(?=\w)")


class _AllowedTagsOnly(Treeprocessor):  # type: ignore[misc]
    """Rebuild the tree: unknown tags become ``span``, headings paragraphs, attributes go.

    Only ``href`` of a link survives, and only with https and without an account (``name@``).
    """

    def run(self, root: Element) -> None:
        for element in root.iter():
            target = element.get("href", "")
            element.attrib.clear()
            if element.tag in _HEADINGS:
                element.tag = "p"
            elif element.tag == "a":
                if re.match(r"https://[^\s/?#@]+(?![^/?#])", target):
                    element.set("href", target)
                    element.set("rel", "noopener")
                else:
                    element.tag = "span"
            elif element is not root and element.tag not in ALLOWED_TAGS:
                element.tag = "span"


@cache
def _converter() -> markdown.Markdown:
    converter = markdown.Markdown(extensions=["sane_lists"], output_format="html")
    converter.preprocessors.deregister("html_block")
    for pattern in (
        "html",
        "image_link",
        "image_reference",
        "short_image_ref",
        "automail",
    ):
        converter.inlinePatterns.deregister(pattern)
    # After 'inline' (20), which makes the links and the emphasis, and before 'prettify' (10)
    converter.treeprocessors.register(_AllowedTagsOnly(converter), "allowed_tags_only", 15)
    return converter


@cache
def prose(text: str | None) -> Markup:
    """Markdown of a contributor as HTML of :data:`ALLOWED_TAGS`; empty for None.

    Kept, because a claim stands on the pages of its type, model, paper and heads.
    """
    if not text:
        return Markup()
    # A line may break after a hyphen, and so within the arrow of ASCII
    return Markup(still(_OUTSIDE_CODE.sub(_arrows, _converter().reset().convert(text))))


def _arrows(part: re.Match[str]) -> str:
    whole = part.group()
    return whole if whole.startswith("<code") else whole.replace("-&gt;", "\N{RIGHTWARDS ARROW}")


def inline(text: str | None) -> Markup:
    """The same, without the paragraph around a single paragraph."""
    made = prose(text)
    alone = re.fullmatch(r"<p>((?:(?!</?p>).)*)</p>", made, re.DOTALL)
    return Markup(alone.group(1)) if alone else made


def markdown_text(text: str) -> Markup:
    """Plain text for a Markdown heading: every character that could mean something is an entity."""
    flat = " ".join(text.split())
    return Markup(_PLAIN.sub(lambda found: f"&#{ord(found.group())};", flat))


def web(address: str, label: str | None = None) -> Markup:
    """A link to another site if ``address`` is one for the web, else the bare text."""
    shown = plain(label or address)
    if not re.match(r"https?://[^\s/?#]+", address):
        return Markup(shown)
    return Markup(f'<a href="{plain(address)}" rel="noopener">{shown}</a>')


def breakable(text: str) -> Markup:
    """Plain text in which a long path or identifier may break between its parts."""
    return Markup(_LONG.sub(lambda long: _PARTS.sub("<wbr>", long.group()), plain(text)))


def code(text: str) -> Markup:
    """A command or identifier as ``<code>``, on one line."""
    return Markup(f"<code>{plain(text)}</code>")
