"""The scores of one recipe run, as the statistics read them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Options:
    """Scores for each of several ways in which a head may do the thing, of which one is its own."""

    score: FloatArray
    """``[units, heads, options]``."""
    control: FloatArray
    values: tuple[int, ...]
    """What the options are (distances)."""
    chosen: IntArray
    """``[heads]``: index of the option that each head is scored by."""


@dataclass(frozen=True)
class Units:
    """Scores of all heads on all units (prompts or tokens) of one recipe, and of its control.

    Raises:
        ValueError: if shapes do not fit, a value is infinite or outside ``bounds``, or a share
            is not 0 or 1.
    """

    score: FloatArray
    """``[units, heads]``, heads layer-major; NaN where a unit does not apply to a head."""
    control: FloatArray
    """``[units, heads]`` if paired, else ``[control units, heads]``."""
    paired: bool
    """Whether row i of score and control belong to the same unit."""
    clusters: IntArray
    """``[units]``: id of the template or series that a unit was made from."""
    kind: Literal["share", "mean"]
    """``share``: every score is 0 or 1; ``mean``: any number, perhaps within ``bounds``."""
    bounds: tuple[float, float] | None = None
    """Smallest and largest possible score (``Measure.range``); a share has (0, 1)."""
    control_clusters: IntArray | None = None
    """``[control units]``, unpaired only. Default: each control unit is a cluster of its own, or
    the clusters of the units if there are as many control units as units."""
    divided_by: FloatArray | None = None
    """``[units]``: what the scores are a share of, if they are: score and control were divided by
    its mean, which was estimated on the same units."""
    options: Options | None = None
    """Of a measure that finds out something about each head before it scores it."""

    def __post_init__(self) -> None:
        if self.score.ndim != 2 or self.control.ndim != 2:
            raise ValueError("score and control are [units, heads]")
        units, heads = self.score.shape
        if units == 0 or heads == 0 or len(self.control) == 0:
            raise ValueError("there are no units, control units or heads")
        if self.control.shape[1] != heads:
            raise ValueError(f"control has {self.control.shape[1]} heads, score has {heads}")
        if self.paired and self.control.shape != self.score.shape:
            raise ValueError(f"paired, but {units} units have {len(self.control)} control units")
        if self.clusters.shape != (units,):
            raise ValueError(f"clusters must have shape ({units},), not {self.clusters.shape}")
        if self.control_clusters is not None and self.control_clusters.shape != (
            len(self.control),
        ):
            raise ValueError("control_clusters gives one id for each control unit")
        if self.paired and self.control_clusters is not None:
            raise ValueError("paired units share their clusters: leave control_clusters out")
        if self.divided_by is not None:
            if self.divided_by.shape != (units,) or not np.isfinite(self.divided_by).all():
                raise ValueError("divided_by gives one number for each unit")
            if self.range is not None:
                raise ValueError("a share of an estimated mean has no bounds")
        for name, values in (("score", self.score), ("control", self.control)):
            self._check_values(name, values)

    def _check_values(self, name: str, values: FloatArray) -> None:
        known = values[~np.isnan(values)]
        if np.isinf(known).any():
            raise ValueError(f"{name} holds infinite values")
        if self.kind == "share" and not np.isin(known, (0.0, 1.0)).all():
            raise ValueError(f"{name} of a share must be 0 or 1 for each unit")
        if self.range is not None and known.size:
            low, high = self.range
            # scores are float32 sums: allow for their rounding
            if known.min() < low - 1e-4 or known.max() > high + 1e-4:
                raise ValueError(
                    f"{name} lies outside its bounds {self.range}:"
                    f" from {known.min():.6g} to {known.max():.6g}"
                )

    @property
    def divisor(self) -> float | None:
        """The estimated mean that score and control were divided by."""
        return None if self.divided_by is None else float(self.divided_by.mean())

    def choosing(self, chosen: IntArray) -> Units:
        """The same units, with heads scored by other of their options, ``[heads]``.

        Raises:
            ValueError: if there are no options.
        """
        if self.options is None:
            raise ValueError("these units have no options")
        at = chosen[None, :, None]
        return replace(
            self,
            score=np.take_along_axis(self.options.score, at, axis=-1)[..., 0],
            control=np.take_along_axis(self.options.control, at, axis=-1)[..., 0],
            options=replace(self.options, chosen=chosen),
        )

    @property
    def range(self) -> tuple[float, float] | None:
        """Bounds of a score: (0, 1) for a share, ``bounds`` otherwise."""
        return (0.0, 1.0) if self.kind == "share" else self.bounds

    @property
    def difference_range(self) -> tuple[float, float] | None:
        """Bounds of score minus control."""
        if self.range is None:
            return None
        width = self.range[1] - self.range[0]
        return (-width, width)

    def clusters_of_control(self) -> IntArray:
        """``[control units]``: the clusters of the control, given or by default."""
        if self.control_clusters is not None:
            return self.control_clusters
        if len(self.control) == len(self.score):
            return self.clusters
        return np.arange(len(self.control), dtype=np.int64)
