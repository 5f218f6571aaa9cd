"""Intervals for means and shares of many heads at once, over units that may come in clusters.

Which method is used where was chosen by simulation
(``tests/verify/test_statistics_simulation.py``, which holds the measured coverages):

- shares: Wilson's score interval;
- means: Student's t with Hall's correction for skewness. It covers better than plain t and than
  the BCa bootstrap (Efron 1987) on skewed attention shares and with few clusters, and needs no
  resampling;
- shares of an estimated mean (a head's part of the model's logit difference): the same on the
  linearised ratio of the two means, see :func:`linearised`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, log2

import numpy as np
from scipy import special

from verify.statistics.units import BoolArray, FloatArray, IntArray, Units

EQUAL = 1e-6
"""Values that differ by less than this are equal: float32 scores of [0, 1] are no more exact."""


@dataclass(frozen=True)
class Interval:
    """Means and their bounds, each ``[heads]``."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    se: FloatArray


@dataclass(frozen=True)
class Grouped:
    """One value for each cluster and head, which are independent where units are not.

    ``value`` ``[clusters, heads]`` (NaN where a cluster has no unit for a head) is
    ``mean + (total_g - mean * count_g) / (N / G)`` for G clusters with N units: its mean is the
    mean over all units, and its variance over G is that of a ratio of totals (linearised). With
    clusters of one size it is the cluster's mean, and without clusters the unit's score.
    """

    value: FloatArray
    units: FloatArray
    """``[heads]``: N."""
    clusters: FloatArray
    """``[heads]``: G."""

    @property
    def known(self) -> BoolArray:
        """``[clusters, heads]``: where there is a value."""
        return ~np.isnan(self.value)

    @property
    def clustered(self) -> BoolArray:
        """``[heads]``: whether some cluster holds several units."""
        return self.clusters < self.units

    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """``[heads]`` each: mean, sum of squares and of cubes about it."""
        mean = known_mean(self.value)
        apart = np.where(self.known, self.value - mean, 0.0)
        return mean, (apart**2).sum(axis=0), (apart**3).sum(axis=0)

    @property
    def equal(self) -> BoolArray:
        """``[heads]``: whether all values are equal, to the exactness of float32."""
        low = np.where(self.known, self.value, np.inf).min(axis=0)
        high = np.where(self.known, self.value, -np.inf).max(axis=0)
        return np.asarray(high - low <= EQUAL)


def known_mean(values: FloatArray) -> FloatArray:
    """``[heads]``: mean over the rows that are not NaN; NaN where there are none."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        total = np.where(known, values, 0.0).sum(axis=0)
        out: FloatArray = total / known.sum(axis=0)
    return out


def linearised(units: Units) -> Units:
    """Units whose spread is that of a ratio, where scores were divided by an estimated mean D.

    A head's share is R = mean(s) / mean(d), and d differs from unit to unit as s does. To first
    order the error of R is the mean of ``(s_i - R d_i) / D`` (Cochran 1977, ratio estimates), so
    unit i becomes ``s_i / D - R (d_i / D - 1)``, whose mean is still R. A head that adds the same
    to every prompt is as uncertain as D; one that makes all of the difference is not uncertain at
    all. A control on the same units is treated likewise, so that the margin is a ratio too; one on
    other units is not, and its margin's interval is then too wide rather than too narrow as long as
    the control lies between 0 and twice the score.

    The approximation needs a D that is well away from 0: that its interval does not reach 0 is a
    matter of the recipe's gate (``verify.gates``).
    """
    if units.divided_by is None:
        return units
    apart = (units.divided_by / units.divided_by.mean() - 1.0)[:, None]
    score, control = (
        values - known_mean(values) * apart if moved else values
        for values, moved in ((units.score, True), (units.control, units.paired))
    )
    return replace(units, score=score, control=control, divided_by=None)


def group(values: FloatArray, clusters: IntArray) -> Grouped:
    """Collapse ``values`` ``[units, heads]`` by cluster.

    A single cluster says nothing about how clusters differ: its units then count as independent,
    and the interval speaks of prompts of that template only.
    """
    known = ~np.isnan(values)
    units = known.sum(axis=0).astype(np.float64)
    ids, index = np.unique(clusters, return_inverse=True)
    if len(ids) in (1, len(values)):
        return Grouped(values, units, units)
    member = (index[None, :] == np.arange(len(ids))[:, None]).astype(np.float64)
    total, count = member @ np.where(known, values, 0.0), member @ known
    groups = (count > 0).sum(axis=0).astype(np.float64)
    mean = known_mean(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = mean + (total - mean * count) / (units / groups)
    return Grouped(np.where(count > 0, value, np.nan), units, groups)


def interval_of(
    values: FloatArray,
    clusters: IntArray,
    *,
    share: bool,
    bounds: tuple[float, float] | None,
    level: float,
) -> Interval:
    """Mean of ``values`` ``[units, heads]`` with its interval at ``level``, in their unit."""
    grouped = group(values, clusters)
    mean, squares, _ = grouped.moments()
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt(squares / (grouped.clusters - 1) / grouped.clusters)
    low, high = wilson(grouped, se, level) if share else skewed_t(grouped, bounds, level)
    if bounds is not None:
        # the mean of float32 scores may lie outside by their rounding; it stays inside its interval
        low, high = np.clip(low, *bounds), np.clip(high, *bounds)
    return Interval(mean, np.fmin(low, mean), np.fmax(high, mean), se)


def wilson(grouped: Grouped, se: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Wilson's score interval (Wilson 1927) for shares of 0/1 outcomes.

    With n independent outcomes and ``k = z^2 / n``:
    ``(p + k/2 -+ sqrt(k * (p(1 - p) + k/4))) / (1 + k)``.

    With clusters, n is the effective number ``p(1 - p) / se^2`` (units over the design effect, Kish
    1965) and z the quantile of t with clusters - 1 degrees of freedom. Where the clusters agree
    exactly the design effect is unknown: n is then the geometric mean of units and clusters.
    """
    p = np.asarray(grouped.moments()[0])
    z = np.full_like(p, special.ndtri(0.5 + level / 2))
    n = grouped.units.copy()
    agree = grouped.clustered & grouped.equal
    n[agree] = np.sqrt(grouped.units * grouped.clusters)[agree]
    differ = grouped.clustered & ~grouped.equal
    n[differ] = (p * (1 - p))[differ] / se[differ] ** 2
    z[differ] = special.stdtrit(grouped.clusters[differ] - 1, 0.5 + level / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        k = z**2 / n
        centre = (p + k / 2) / (1 + k)
        half = np.sqrt(np.maximum(k * (p * (1 - p) + k / 4), 0.0)) / (1 + k)
    return centre - half, centre + half


def skewed_t(
    grouped: Grouped, bounds: tuple[float, float] | None, level: float
) -> tuple[FloatArray, FloatArray]:
    """Student's t interval, its quantiles corrected for skewness (Hall 1992).

    With ``a = skewness / sqrt(G)``, the statistic ``t + a t^2/3 + a^2 t^3/27 + a/6`` is closer to
    Student's distribution (G - 1 degrees of freedom) than t itself; its bounds are mapped back.

    Where the values are all equal there is no spread to learn from. From the number on at which
    the distribution-free interval of the median is that one value (2 * 0.5^G <= 1 - level, 6 for
    95%) the interval is that value; with fewer, all that is known is that the share of other
    values is at most Wilson's bound for none in G, and they may lie anywhere within ``bounds``.
    One value alone bounds nothing.
    """
    mean, squares, cubes = grouped.moments()
    groups = grouped.clusters
    freedom = np.maximum(groups - 1, 1.0)
    edge = np.asarray(special.stdtrit(freedom, 0.5 + level / 2), dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt(squares / (groups - 1) / groups)
        skewness = cubes / groups / (squares / groups) ** 1.5
        a: FloatArray = skewness / np.sqrt(groups)
        low, high = mean - _back(edge, a) * se, mean - _back(-edge, a) * se
    bottom, top = bounds if bounds is not None else (-np.inf, np.inf)
    settled = groups >= ceil(1 - log2(1 - level))
    z = special.ndtri(0.5 + level / 2)
    others = np.where(settled, 0.0, z**2 / (groups + z**2))
    with np.errstate(invalid="ignore"):
        down = np.where(settled, mean, mean - others * (mean - bottom))
        up = np.where(settled, mean, mean + others * (top - mean))
    low, high = np.where(grouped.equal, down, low), np.where(grouped.equal, up, high)
    single = groups == 1
    low, high = np.where(single, bottom, low), np.where(single, top, high)
    empty = groups == 0
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def hall(t: FloatArray, a: FloatArray) -> FloatArray:
    """Hall's skewness-corrected statistic, ``a`` being skewness over the root of the number."""
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def _back(y: FloatArray, a: FloatArray) -> FloatArray:
    """The t at which ``hall(t, a)`` is ``y``."""
    plain = np.abs(a) < 1e-6
    some = np.where(plain, 1.0, a)
    return np.where(plain, y, 3 * (np.cbrt(1 + some * (y - some / 6)) - 1) / some)


def paired_shares_of(
    score: Interval, control: Interval, scores: Grouped, controls: Grouped
) -> Interval:
    """Interval of the difference of two shares of the same units (Newcombe 1998, paired method 10).

    ``difference_of`` with the correlation of the two estimates, taken over clusters.
    """
    first, second = (
        np.where(values.known, values.value - interval.mean, 0.0)
        for values, interval in ((scores, score), (controls, control))
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
        correlation = np.where(scale > 0, (first * second).sum(axis=0) / scale, 0.0)
    return difference_of(score, control, bounds=(-1.0, 1.0), correlation=correlation)


def difference_of(
    score: Interval,
    control: Interval,
    *,
    bounds: tuple[float, float] | None,
    correlation: FloatArray | float = 0.0,
) -> Interval:
    """Interval of the difference of two means, from the interval of each.

    ``low = d - sqrt((m1 - l1)^2 - 2 r (m1 - l1)(u2 - m2) + (u2 - m2)^2)`` with correlation r, and
    ``high`` likewise (Newcombe 1998 for shares; Zou and Donner 2008 for any two estimates).
    """

    def side(one: FloatArray, other: FloatArray) -> FloatArray:
        with np.errstate(invalid="ignore"):
            both = one**2 - 2 * correlation * one * other + other**2
        return np.sqrt(np.where(np.isinf(one) | np.isinf(other), np.inf, np.maximum(both, 0.0)))

    mean = score.mean - control.mean
    low = mean - side(score.mean - score.low, control.high - control.mean)
    high = mean + side(score.high - score.mean, control.mean - control.low)
    if bounds is not None:
        low, high = np.clip(low, *bounds), np.clip(high, *bounds)
    with np.errstate(invalid="ignore"):
        variance = score.se**2 - 2 * correlation * score.se * control.se + control.se**2
        return Interval(mean, low, high, np.sqrt(np.maximum(variance, 0.0)))
