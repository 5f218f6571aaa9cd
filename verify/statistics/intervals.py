"""Intervals for means and shares of many heads at once, over units that may come in clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from verify.statistics.units import FloatArray, IntArray


@dataclass(frozen=True)
class Interval:
    """Means and their bounds, each ``[heads]``."""

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    se: FloatArray


@dataclass(frozen=True)
class Sums:
    """Sums and counts of the known values of each cluster, ``[clusters, heads]``."""

    total: FloatArray
    count: FloatArray

    @property
    def mean(self) -> FloatArray:
        """``[heads]``: mean over all units, NaN where there are none."""
        units = self.units
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(units > 0, self.total.sum(axis=0) / units, np.nan)

    @property
    def units(self) -> FloatArray:
        """``[heads]``: number of known units."""
        out: FloatArray = self.count.sum(axis=0)
        return out

    @property
    def clusters(self) -> FloatArray:
        """``[heads]``: number of clusters with a known unit."""
        out: FloatArray = (self.count > 0).sum(axis=0).astype(np.float64)
        return out


def sums_of(values: FloatArray, clusters: IntArray) -> Sums:
    """Collapse ``values`` ``[units, heads]`` by cluster.

    A single cluster says nothing about how clusters differ: its units then count as independent,
    and the interval speaks of prompts of that template only.
    """
    ids, index = np.unique(clusters, return_inverse=True)
    known = ~np.isnan(values)
    filled = np.where(known, values, 0.0)
    if len(ids) in (1, len(values)):
        return Sums(filled, known.astype(np.float64))
    member = (index[None, :] == np.arange(len(ids))[:, None]).astype(np.float64)
    return Sums(member @ filled, member @ known)


def standard_error(sums: Sums) -> FloatArray:
    """``[heads]``: standard error of the mean; over clusters, that of a ratio of totals.

    ``se^2 = G/(G-1) * sum_g (total_g - mean * count_g)^2 / N^2`` with G clusters and N units
    (linearised ratio; s^2/n where each unit is its own cluster). NaN for fewer than two clusters.
    """
    groups, mean = sums.clusters, sums.mean
    residual = sums.total - np.nan_to_num(mean) * sums.count
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = groups / (groups - 1) * (residual**2).sum(axis=0) / sums.units**2
    return np.where(groups >= 2, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def interval_of(
    values: FloatArray,
    clusters: IntArray,
    *,
    share: bool,
    bounds: tuple[float, float] | None,
    level: float,
    rng: np.random.Generator,
) -> Interval:
    """Mean of ``values`` ``[units, heads]`` with its interval. Units: those of the values."""
    del share, rng
    sums = sums_of(values, clusters)
    mean, se = sums.mean, standard_error(sums)
    df = np.maximum(sums.clusters - 1, 1.0)
    width = special.stdtrit(df, 0.5 + level / 2) * se
    width = np.where(sums.clusters >= 2, width, np.inf)
    low, high = mean - width, mean + width
    if bounds is not None:
        low, high = np.clip(low, *bounds), np.clip(high, *bounds)
    return Interval(mean, low, high, se)


def difference_of(
    score: Interval, control: Interval, *, bounds: tuple[float, float] | None
) -> Interval:
    """Interval of the difference of two independent means, from the interval of each.

    ``low = d - sqrt((m1 - l1)^2 + (u2 - m2)^2)``, ``high`` likewise (Newcombe 1998, method 10, for
    shares; Zou and Donner 2008 for any two estimates).
    """
    mean = score.mean - control.mean
    low = mean - np.hypot(score.mean - score.low, control.high - control.mean)
    high = mean + np.hypot(score.high - score.mean, control.mean - control.low)
    if bounds is not None:
        low, high = np.clip(low, *bounds), np.clip(high, *bounds)
    return Interval(mean, low, high, np.hypot(score.se, control.se))
