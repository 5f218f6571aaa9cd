"""Text on its way into markup: names of models and words of tokens are written by strangers."""

from __future__ import annotations

import html


def still(text: str) -> str:
    """Return HTML ``text`` with the two characters that fences are made of written as entities.

    mkdocs looks for fenced code before it looks for HTML, so a backtick or a tilde at the start of
    a line inside an HTML block would otherwise still open one.
    """
    return text.replace("`", "&#96;").replace("~", "&#126;")


def plain(text: str) -> str:
    """Plain text on one line, escaped for an element or an attribute."""
    return still(html.escape(" ".join(text.split()), quote=True))
