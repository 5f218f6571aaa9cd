"""From the units of a recipe run to intervals, q and a status for each head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from catalog.schema.evidence import HeadStatus, Verdict
from catalog.schema.recipe import Criterion
from verify.statistics.intervals import (
    Interval,
    difference_of,
    group,
    interval_of,
    known_mean,
    linearised,
    paired_shares_of,
)
from verify.statistics.permutation import Tested, margin_test
from verify.statistics.units import BoolArray, FloatArray, IntArray, Units

ROUNDING = 1e-9
"""A bound that misses a threshold by less than this meets it: 1.0 - 0.8 is at least 0.2."""


@dataclass(frozen=True)
class Summary:
    """What one recipe run says of every head. All arrays have shape ``[heads]``.

    A number that does not exist is NaN (a head to which no unit applies), and an interval that
    nothing bounds is infinite (one unit of a measure without a range): both are written as null
    in evidence.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    se: FloatArray
    """Standard error of ``mean``, over clusters where there are clusters."""
    control: FloatArray
    """Mean of the control."""
    margin: FloatArray
    """Mean of score minus control; for ``max_change`` the signed change."""
    margin_low: FloatArray
    margin_high: FloatArray
    q: FloatArray | None
    """Benjamini-Hochberg corrected p of ``margin <= min_margin``; None where not tested."""
    status: tuple[HeadStatus, ...]
    q_note: str | None
    """Why ``q`` is None, in one sentence; None where it is given."""
    permutations: int
    """Largest number of permutations that a p rests on; 0 without q."""
    units: int
    """Rows of the scores that apply to at least one head."""
    clusters: int
    """Clusters among them."""

    def ordered(self, chosen: BoolArray) -> tuple[int, ...]:
        """Flat indices of the chosen heads, highest mean first, ties by index."""
        order = np.argsort(np.where(np.isnan(self.mean), np.inf, -self.mean), kind="stable")
        return tuple(int(head) for head in order if chosen[head])


def summarise(units: Units, criterion: Criterion, *, seed: int, level: float = 0.95) -> Summary:
    """Estimate every head's score and margin, test the margin, and give each head its status.

    Intervals of the score and the margin: ``verify.statistics.intervals``; q:
    ``verify.statistics.permutation``; status: ``statuses``. All of them treat a score that was
    divided by an estimated mean as the ratio that it is.

    Args:
        units: scores ``[units, heads]`` and their control.
        criterion: the recipe's thresholds, in the unit of the measure.
        seed: of the resampling; the same seed gives the same numbers.
        level: of the intervals.

    Raises:
        ValueError: for ``max_change`` with an unpaired control.
    """
    if criterion.max_change is not None and not units.paired:
        raise ValueError("max_change needs a paired control")
    units = linearised(units)
    score = _interval(units, units.score, units.clusters, level)
    if units.paired:
        control_mean, margin = _paired_margin(units, level)
    else:
        control = _interval(units, units.control, units.clusters_of_control(), level)
        control_mean = control.mean
        margin = difference_of(score, control, bounds=units.difference_range)
    tested = _test(units, criterion, np.random.default_rng(seed))
    applies = ~np.isnan(units.score).all(axis=1)
    return Summary(
        mean=score.mean,
        low=score.low,
        high=score.high,
        se=score.se,
        control=control_mean,
        margin=margin.mean,
        margin_low=margin.low,
        margin_high=margin.high,
        q=tested.q,
        status=statuses(score, margin, tested.q, criterion),
        q_note=tested.note,
        permutations=tested.permutations,
        units=int(applies.sum()),
        clusters=len(np.unique(units.clusters[applies])),
    )


def statuses(
    score: Interval, margin: Interval, q: FloatArray | None, criterion: Criterion
) -> tuple[HeadStatus, ...]:
    """The status of each head, from the intervals and q.

    A head ``passes`` if every threshold is met by the whole interval: ``low >= min_score``,
    ``margin_low >= min_margin`` and ``q <= max_q`` (where q exists), or for ``max_change`` the
    interval of the change within ``[-max_change, max_change]``. It ``fails`` if one interval lies
    wholly on the wrong side: ``high < min_score``, ``margin_high < min_margin``, or the change
    wholly outside. Otherwise it is ``unclear``, as is a head without numbers.

    Thresholds belong to the passing side: a zero-width interval that lies exactly on ``min_score``,
    ``min_margin`` or ``max_change`` meets it. ``ROUNDING`` is allowed for on that side.
    """
    passes = score.low >= criterion.min_score - ROUNDING
    fails = score.high < criterion.min_score - ROUNDING
    if criterion.min_margin is not None:
        passes &= margin.low >= criterion.min_margin - ROUNDING
        fails |= margin.high < criterion.min_margin - ROUNDING
        if q is not None and criterion.max_q is not None:
            passes &= q <= criterion.max_q
    if criterion.max_change is not None:
        most = criterion.max_change + ROUNDING
        passes &= (margin.low >= -most) & (margin.high <= most)
        fails |= (margin.low > most) | (margin.high < -most)
    return tuple(
        "passes" if p else "fails" if f else "unclear" for p, f in zip(passes, fails, strict=True)
    )


@dataclass(frozen=True)
class RecipeVerdict:
    """What a recipe run says of the model as a whole."""

    verdict: Verdict
    passing: tuple[int, ...]
    """Flat indices of the heads that pass and are confirmed, highest score first."""
    unclear: tuple[int, ...]
    """Flat indices of unclear heads, and of those that pass and were not confirmed."""


def recipe_verdict(summary: Summary, confirmed: BoolArray | None = None) -> RecipeVerdict:
    """``found`` if some head passes, ``inconclusive`` if none does and some is unclear.

    Args:
        summary: of the run on the first seed.
        confirmed: ``[heads]``, whether a head passed again on the second seed (read only where it
            passes); None where nothing is drawn and so nothing can be confirmed.
    """
    status = np.array(summary.status)
    passes: BoolArray = status == "passes"
    unclear: BoolArray = status == "unclear"
    if confirmed is not None:
        unclear = unclear | (passes & ~confirmed)
        passes = passes & confirmed
    verdict: Verdict = "not-found"
    if passes.any():
        verdict = "found"
    elif unclear.any():
        verdict = "inconclusive"
    return RecipeVerdict(verdict, summary.ordered(passes), summary.ordered(unclear))


def _interval(units: Units, values: FloatArray, clusters: IntArray, level: float) -> Interval:
    return interval_of(
        values, clusters, share=units.kind == "share", bounds=units.range, level=level
    )


def _paired_margin(units: Units, level: float) -> tuple[FloatArray, Interval]:
    """Mean of the control, and the margin over the units that have both."""
    if units.kind == "mean":
        margin = interval_of(
            units.score - units.control,
            units.clusters,
            share=False,
            bounds=units.difference_range,
            level=level,
        )
        return known_mean(units.control), margin
    both = ~np.isnan(units.score - units.control)
    parts = [np.where(both, values, np.nan) for values in (units.score, units.control)]
    score, control = (_interval(units, part, units.clusters, level) for part in parts)
    grouped = [group(part, units.clusters) for part in parts]
    return known_mean(units.control), paired_shares_of(score, control, *grouped)


def _test(units: Units, criterion: Criterion, rng: np.random.Generator) -> Tested:
    if criterion.min_margin is None:
        return Tested(None, "max_change is judged by the interval of the change alone.", 0)
    return margin_test(units, criterion.min_margin, criterion.max_q, rng)
