"""Whether a head's margin over its control is above ``min_margin``: permutation p and q."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verify.statistics.units import FloatArray, Units


@dataclass(frozen=True)
class Tested:
    """Corrected p of each head, or why there is none."""

    q: FloatArray | None
    note: str | None
    permutations: int


def test_margin(
    units: Units, min_margin: float, max_q: float | None, rng: np.random.Generator
) -> Tested:
    """Test ``mean(score - control) <= min_margin`` for every head."""
    del units, min_margin, max_q, rng
    return Tested(None, "The test is not written yet.", 0)
