"""Names, lists and fields of a recipe in a sentence, as HTML."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from measure_words import docstring_words

from catalog.drawing.escaping import plain


def named(name: object) -> Markup:
    """A name of the recipe language."""
    return Markup(f"<code>{plain(str(name))}</code>")


def listed(names: tuple[object, ...], last: str = "and") -> Markup:
    """Several of them, with ``last`` before the last."""
    shown = [named(name) for name in names]
    if len(shown) < 2:
        return Markup("").join(shown)
    return Markup("{} {} {}").format(Markup(", ").join(shown[:-1]), last, shown[-1])


def one_of(numbers: tuple[int, ...]) -> str:
    """Numbers, of which one or another is chosen."""
    shown = [str(number) for number in numbers]
    return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def docstring(part: object) -> Markup:
    """First paragraph of the docstring of a part of the language, for kinds without words here."""
    return docstring_words((type(part).__doc__ or "").strip().split("\n\n")[0])


def fields(part: Any) -> Markup:
    """What was set, as ``name value``."""
    data = part.model_dump(mode="json", exclude_none=True)
    pairs = [
        Markup("{} {}").format(name.replace("_", "-"), named(_short(value)))
        for name, value in data.items()
        if name not in {"builder", "kind", "vary", "status"}
    ]
    return Markup(", ").join(pairs)


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(v)}" for key, v in value.items())
    return str(value)
