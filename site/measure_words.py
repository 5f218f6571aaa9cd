"""The measures as the site explains them: from the registered classes, so that none is left out.

What a measure is and where it comes from stands in its docstring (``catalog/schema/measures.py``);
its formula in ``templates/formulas/<kind>.jinja``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from markupsafe import Markup, escape

from catalog.drawing.escaping import still
from catalog.schema.base import Method, Strength
from catalog.schema.measures import MEASURES, Measure

FORMULAS = Path(__file__).resolve().parent / "templates" / "formulas"
_SOURCE = re.compile(r"\bSources?: (.+?)(?=\n\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class MeasureWords:
    """One kind of measure."""

    kind: str
    summary: Markup
    more: tuple[Markup, ...]
    source: Markup | None
    formula: str | None
    """Template of the formula."""
    method: Method
    strength: Strength
    unit: str
    range: tuple[float, float] | None
    weights_only: bool
    runnable: bool


def measures(kinds: Iterable[type[Measure]] = MEASURES) -> list[MeasureWords]:
    """All measures, those that can be run first."""
    made = [_words(measure) for measure in kinds]
    return sorted(made, key=lambda words: not words.runnable)


def _words(measure: type[Measure]) -> MeasureWords:
    (kind,) = get_args(measure.model_fields["kind"].annotation)
    text = inspect.getdoc(measure) or ""
    source = _SOURCE.search(text)
    paragraphs = [part for part in _SOURCE.sub("", text).split("\n\n") if part.strip()]
    formula = f"formulas/{kind}.jinja"
    return MeasureWords(
        kind=kind,
        summary=docstring_words(paragraphs[0]) if paragraphs else Markup(),
        more=tuple(docstring_words(part) for part in paragraphs[1:]),
        source=docstring_words(source[1]) if source else None,
        formula=formula if (FORMULAS / f"{kind}.jinja").is_file() else None,
        method=measure.method,
        strength=measure.strength,
        unit=measure.unit,
        range=measure.range,
        weights_only=measure.weights_only,
        runnable=measure.runnable,
    )


def docstring_words(text: str) -> Markup:
    """A paragraph of a docstring on one line; what stands in two backticks is code."""
    flat = still(str(escape(" ".join(text.split()))))
    return Markup(re.sub(r"(?:&#96;){2}(.+?)(?:&#96;){2}", r"<code>\1</code>", flat))
