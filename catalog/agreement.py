"""How far the scores of one recipe agree with a published list of heads.

Recall says whether the recipe finds the heads, AUROC whether it ranks them above all others.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.responses import HeadRank
from catalog.schema.base import layer_and_head
from catalog.schema.evidence import Evidence, Grid, HeadStatus

DRAWS = 1000
LOWER_TAIL = 0.025


@dataclass(frozen=True)
class Agreement:
    """A published list of heads against one evidence record that has scores."""

    recall: float
    """Share of the published heads that the recipe found."""
    top: float
    """Share of the k published heads that are among the k highest scores."""
    auroc: float | None
    """Chance that a published head scores above another one; None if there is no other."""
    auroc_low: float | None
    additional: tuple[str, ...]
    """Heads that were found and not published, best first."""


def agree(record: Evidence, published: Sequence[str]) -> Agreement:
    """Compare a list of heads with a record.

    AUROC is ``sum over published p and others o of [s_p > s_o] + [s_p = s_o] / 2``, divided by the
    number of such pairs. Its lower bound is the 2.5th percentile over 1,000 draws of all scores
    from their means and standard errors. The heads of a model are a finite population that was
    measured in full: what is uncertain are their scores. A score without a standard error (of one
    unit, say) may be anything: for the bound it is the lowest of all if its head was published, the
    highest of all if not. Hanley and McNeil's (1982) formula
    answers another question, as if the few published heads were drawn at random from many.

    Raises:
        ValueError: if the record has no scores.
    """
    scores = head_scores(record)
    errors = _by_head(record.scores.se) if record.scores is not None else {}
    listed = set(published)
    # a published head without a score was not ranked above anything
    inside = [scores.get(head, float("-inf")) for head in published]
    others = [head for head in scores if head not in listed]
    outside = [scores[head] for head in others]
    ranked = [entry for entry in ranks(record, published) if entry.rank <= len(published)]
    found = set(record.found)
    low = None
    if others:
        draw = random.Random(0)
        least, most = (
            [
                (scores.get(head, unknown), error)
                if (error := errors.get(head)) is not None
                else (unknown, 0.0)
                for head in heads
            ]
            for heads, unknown in ((published, float("-inf")), (others, float("inf")))
        )
        drawn = sorted(auroc(_redrawn(least, draw), _redrawn(most, draw)) for _ in range(DRAWS))
        low = drawn[int(DRAWS * LOWER_TAIL) - 1]
    return Agreement(
        recall=sum(head in found for head in published) / len(published),
        top=len(ranked) / len(published),
        auroc=auroc(inside, outside) if others else None,
        auroc_low=low,
        additional=tuple(head for head in record.found if head not in listed),
    )


def auroc(inside: Sequence[float], outside: Sequence[float]) -> float:
    """Area under the ROC curve, ties counted half (Mann and Whitney's U over all pairs)."""
    ordered = sorted(outside)
    # twice U, so that all sums are whole numbers
    doubled = sum(bisect_left(ordered, s) + bisect_right(ordered, s) for s in inside)
    return doubled / (2 * len(inside) * len(outside))


def ranks(record: Evidence, heads: Sequence[str]) -> tuple[HeadRank, ...]:
    """Where heads stand among all by score: 1 and the number of heads that score higher.

    In the order given; heads without a score are left out.
    """
    if record.scores is None:
        return ()
    scores, ordered = head_scores(record), sorted(head_scores(record).values())
    status = record.scores.status

    def status_of(head: str) -> HeadStatus:
        layer, index = layer_and_head(head)
        return status[layer][index]

    return tuple(
        HeadRank(
            head=head,
            rank=1 + len(ordered) - bisect_right(ordered, scores[head]),
            score=scores[head],
            status=status_of(head),
        )
        for head in heads
        if head in scores
    )


def head_scores(record: Evidence) -> dict[str, float]:
    """Mean score of every head that has one, by layer and head.

    Raises:
        ValueError: if the record has no scores.
    """
    if record.scores is None:
        raise ValueError(f"evidence {record.id} has no scores: {record.reason}")
    return {
        head: score for head, score in _by_head(record.scores.mean).items() if score is not None
    }


def _by_head(grid: Grid) -> dict[str, float | None]:
    return {
        f"{layer}.{index}": value
        for layer, row in enumerate(grid)
        for index, value in enumerate(row)
    }


def _redrawn(known: Sequence[tuple[float, float]], draw: random.Random) -> list[float]:
    """Scores drawn from their means and standard errors."""
    return [draw.gauss(score, error) for score, error in known]
