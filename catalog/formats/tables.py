"""CSV: pages of lists, score matrices, heads of a model. UTF-8, lines end in LF."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session

from catalog.heads import head_scores
from catalog.lists.pages import Page, compact
from catalog.mosaic import Mosaic
from catalog.responses import EvidenceDetail
from catalog.schema.base import layer_and_head

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def page(answer: Page, session: Session) -> bytes:
    """A page of a list, one line a result; lists of words have spaces or semicolons between."""
    del session
    results = answer.results()
    names = list(results[0]) if results else list(answer.item.model_fields)
    return table(names, ([result.get(name) for name in names] for result in results))


SCORE_COLUMNS = ("score", "low", "high", "control", "margin", "q", "status", "rank")


def scores(answer: EvidenceDetail, session: Session) -> bytes:
    """The score matrix, one line a head."""
    del session
    return table(
        ("layer", "head", *SCORE_COLUMNS),
        (
            [*layer_and_head(name), *(getattr(score, column) for column in SCORE_COLUMNS)]
            for name, score in head_scores(answer.record, "")
        ),
    )


def mosaic(answer: Mosaic, session: Session) -> bytes:
    """The heads of a model of which something is known, one line each."""
    del session
    names = ("layer", "index", "types", "claimed", "claims", "scores")
    return table(
        ("layer", "head", *names[2:]),
        ([getattr(cell, name) for name in names] for cell in answer.heads),
    )


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A table with a line of names."""
    return lines([names]) + lines(rows)


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines without names."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return out.getvalue().encode()


def cell(value: Any) -> Any:
    """A value as a cell.

    Text that a spreadsheet would take for a formula gets an apostrophe before it: much of it was
    written by strangers.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    if isinstance(value, list | tuple):
        if not all(isinstance(one, str | int | float) for one in value):
            return cell(compact(value))
        between = "; " if any(" " in str(one) for one in value) else " "
        return cell(between.join(str(one) for one in value))
    text = compact(value) if isinstance(value, dict) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
