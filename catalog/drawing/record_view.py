"""One evidence record as a page shows it: figures in words, picture, table of the best heads."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.drawing.numbers import NONE, number, q_value
from catalog.drawing.pictures import Picture, score_picture
from catalog.schema.evidence import Evidence, HeadStatus

TOP = 10
"""Rows of the table of the highest scores (more if more heads passed)."""


@dataclass(frozen=True)
class Row:
    """One head of the table; numbers as text."""

    head: str
    score: str
    interval: str
    control: str
    margin: str
    q: str
    status: HeadStatus
    found: bool
    published: bool
    confirmation: str


@dataclass(frozen=True)
class View:
    """One record, ready for the template."""

    record: Evidence
    picture: Picture | None
    rows: tuple[Row, ...]
    heads: int
    threshold: str
    passing: int
    q_note: str | None
    """Why there is no q; none if there is one, or the record does not say."""


def view(record: Evidence, published: frozenset[str] = frozenset()) -> View:
    """What the page of a head type shows of ``record``."""
    picture = score_picture(record, published) if record.scores is not None else None
    rows = _rows(record, published)
    return View(
        record=record,
        picture=picture,
        rows=rows,
        heads=record.model.layers * record.model.heads,
        threshold=f"{record.criterion.min_score:.3g}",
        passing=sum(row.count("passes") for row in record.scores.status) if record.scores else 0,
        q_note=record.scores.q_note if record.scores and record.scores.q is None else None,
    )


def _rows(record: Evidence, published: frozenset[str]) -> tuple[Row, ...]:
    scores = record.scores
    if scores is None:
        return ()
    confirmations = {made.head: made for made in record.confirmations}
    places = [
        (layer, index)
        for layer, row in enumerate(scores.mean)
        for index, value in enumerate(row)
        if value is not None
    ]
    places.sort(key=lambda at: (-(scores.mean[at[0]][at[1]] or 0.0), at))
    shown: list[Row] = []
    for position, (layer, index) in enumerate(places):
        head = f"{layer}.{index}"
        status = scores.status[layer][index]
        wanted = position < TOP or status != "fails" or head in record.found or head in published
        if not wanted:
            continue
        made = confirmations.get(head)
        shown.append(
            Row(
                head=head,
                score=number(scores.mean[layer][index]),
                interval=f"{number(scores.low[layer][index])} to "
                f"{number(scores.high[layer][index])}",
                control=number(scores.control[layer][index]),
                margin=number(scores.margin[layer][index]),
                q=q_value(scores.q[layer][index]) if scores.q is not None else NONE,
                status=status,
                found=head in record.found,
                published=head in published,
                confirmation=""
                if made is None
                else f"{number(made.score)}, {'confirmed' if made.confirmed else 'not confirmed'}",
            )
        )
    return tuple(shown)
