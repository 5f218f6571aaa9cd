"""What the table of head types can be filtered by, computed for every entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import wording
from book import Book

from catalog.responses import HeadTypeDetail
from catalog.schema.base import Stage, Strength


@dataclass(frozen=True)
class Facet:
    """One filter: its name in the address, its label, its choices (value and words)."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Line:
    """One row of the table: a head type and its values of each facet."""

    entry: HeadTypeDetail
    values: dict[str, tuple[str, ...]]
    year: int | None
    """The year of the paper that introduces it, or else of its first paper."""


def state(entry: HeadTypeDetail) -> str:
    """How far an entry has come: a key of ``wording.STATES``."""
    if entry.found_in:
        return "found"
    if entry.results:
        return "not-found"
    if entry.runnable:
        return "not-run"
    return "described" if entry.recipes else "none"


def year(entry: HeadTypeDetail) -> int | None:
    """The year of the paper that introduces it, or else of its first paper."""
    introduced = [paper.year for paper in entry.papers if paper.role == "introduces"]
    return min(introduced or [paper.year for paper in entry.papers], default=None)


_VALUES: dict[str, Callable[[HeadTypeDetail], Iterable[str]]] = {
    "stage": lambda e: (e.stage,),
    "group": lambda e: (e.group,),
    "measure": lambda e: (recipe.measure.kind for recipe in e.recipes),
    "evidence": lambda e: (state(e),),
    "strength": lambda e: e.strength or ("none",),
    "model": lambda e: (
        *(claim.model for claim in e.claim_results),
        *(result.model for result in e.results),
    ),
    "year": lambda e: (str(year(e)),) if year(e) else (),
    "checked": lambda e: [claim.checked.state for claim in e.claim_results] or ("no-claims",),
}


def table(book: Book) -> tuple[list[Facet], list[Line]]:
    """The filters, each with the values that occur, and the rows in the order of the entries."""
    lines = [
        Line(
            entry=entry,
            values={
                name: tuple(dict.fromkeys(map(str, of(entry)))) for name, of in _VALUES.items()
            },
            year=year(entry),
        )
        for entry in book.head_types
    ]
    occurring = {name: {value for line in lines for value in line.values[name]} for name in _VALUES}
    orders: dict[str, tuple[str, list[tuple[str, str]]]] = {
        "stage": ("Stage", [(str(s), wording.STAGES[s][0]) for s in Stage]),
        "group": (
            "Group",
            [(g, g) for g in sorted(occurring["group"], key=lambda g: (g.casefold(), g))],
        ),
        "measure": ("Measure", [(m, m) for m in sorted(occurring["measure"])]),
        "evidence": ("State", list(wording.STATES.items())),
        "strength": (
            "Evidence",
            [(str(s), wording.STRENGTHS[s]) for s in Strength] + [("none", "none yet")],
        ),
        "model": ("Model", [(model.id, model.name) for model in book.models]),
        "year": ("Year", [(y, y) for y in sorted(occurring["year"])]),
        "checked": (
            "Claims checked",
            [*wording.CHECKED.items(), ("no-claims", "no claims recorded")],
        ),
    }
    facets = [
        Facet(name, label, tuple(c for c in choices if c[0] in occurring[name]))
        for name, (label, choices) in orders.items()
    ]
    return facets, lines
