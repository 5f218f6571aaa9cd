"""The report of a profile: one HTML file that needs nothing else, and the short form for notebooks.

Names of models, words of tokens and text of entries are strangers' text: the templates escape
everything, and the page's own policy allows no script and no address to be loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from catalog import __version__
from catalog.drawing.head_mosaic import Look, leading, type_looks
from catalog.drawing.numbers import number, q_value
from catalog.drawing.pictures import Picture
from catalog.drawing.record_view import View, view
from catalog.responses import RecipeResult, TypeResult
from catalog.schema.evidence import Evidence, GateResult
from catalog.schema.head_type import HeadType
from verify.results import Results

_FOLDER = Path(__file__).parent
_ORDER = ("found", "inconclusive", "not-found", "not-applicable")

__all__ = ["report_html", "summary_html"]


@dataclass(frozen=True)
class Card:
    """One head type: its verdict, and what each recipe showed."""

    entry: HeadType
    result: TypeResult
    recipes: tuple[tuple[RecipeResult, View], ...]


@dataclass(frozen=True)
class FailedGate:
    """Something that the model could not do, and the recipe that needs it."""

    head_type: str
    recipe: str
    gate: GateResult


def report_html(results: Results) -> str:
    """The whole report. The same results give the same bytes."""
    entries = {entry.id: entry for entry in results.entries}
    cards = [_card(entries[result.head_type], result, results) for result in results.types]
    cards.sort(key=lambda card: _ORDER.index(card.result.verdict))
    first = next(iter(results.evidence.values()), None)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            results=results,
            model=results.model,
            run=first.run if first else None,
            mosaic=results.plot(),
            looks=_looks(results),
            names={entry.id: entry.name for entry in results.entries},
            counts=_counts(results),
            cards=cards,
            failed=_failed(results),
            unmeasured=sorted(results.unmeasured.items()),
            style=(_FOLDER / "report.css").read_text(encoding="utf-8"),
            version=__version__,
        )
    )


def summary_html(results: Results) -> str:
    """The mosaic and a table of verdicts, for a notebook: brings its style, asks for nothing."""
    return (
        _environment()
        .get_template("summary.html.jinja")
        .render(results=results, model=results.model, mosaic=_alone(results.plot()))
    )


@dataclass(frozen=True)
class _Markup:
    """Markup made here, which a template prints as it is."""

    text: str

    def __html__(self) -> str:
        return self.text


def _alone(picture: Picture) -> _Markup:
    return _Markup(picture.alone())


def _card(entry: HeadType, result: TypeResult, results: Results) -> Card:
    return Card(
        entry,
        result,
        tuple((r, view(results.evidence[entry.id, r.recipe])) for r in result.recipes),
    )


def _looks(results: Results) -> dict[str, Look]:
    return type_looks(leading(results.heads, [result.head_type for result in results.types]))


def _counts(results: Results) -> list[tuple[str, int]]:
    counts = [
        (verdict, sum(result.verdict == verdict for result in results.types)) for verdict in _ORDER
    ]
    return [*counts, ("no verdict", len(results.unmeasured))]


def _failed(results: Results) -> list[FailedGate]:
    return [
        FailedGate(record.head_type, record.recipe, gate)
        for record in results.evidence.values()
        for gate in record.gates
        if not gate.passed
    ]


def _needed(record: Evidence) -> str:
    """The thresholds of a record in words."""
    criterion = record.criterion
    words = [f"score at least {criterion.min_score:.3g}"]
    if criterion.min_margin is not None:
        words.append(f"margin over the control at least {criterion.min_margin:.3g}")
    if criterion.max_change is not None:
        words.append(f"change against the control at most {criterion.max_change:.3g}")
    if criterion.max_q is not None:
        words.append(f"q at most {criterion.max_q:.3g}")
    return ", ".join(words)


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(number=number, needed=_needed, q=q_value)
    return made
