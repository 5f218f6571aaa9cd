"""Shares of a mean logit difference that is itself estimated: intervals, gate and record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from catalog.schema.evidence import GateResult
from catalog.schema.recipe import Criterion, Gate
from verify.gates import answer_gates
from verify.statistics import Summary, Units, summarise

UNITS = 64
CRITERION = Criterion(min_score=0.05, max_change=10.0)
"""Without a margin to test, so that no permutations are drawn."""


def summary_of(effects: np.ndarray, differences: np.ndarray, *, known: bool = True) -> Summary:
    """Of effects ``[units, heads]`` in logits, as shares of the mean of ``differences``."""
    return summarise(
        Units(
            score=effects / differences.mean(),
            control=np.zeros_like(effects),
            paired=True,
            clusters=np.arange(len(effects)),
            kind="mean",
            divided_by=differences if known else None,
        ),
        CRITERION,
        seed=0,
    )


def gate_of(differences: np.ndarray, needed: float = 0.0) -> GateResult:
    answers: Any = SimpleNamespace(
        logits={"right": differences, "wrong": np.zeros(len(differences))}
    )
    (made,) = answer_gates(
        Gate(min_logit_difference=needed), answers, np.arange(len(differences)), accuracy=False
    )
    return made


def test_a_share_has_the_standard_error_of_a_ratio_of_means() -> None:
    rng = np.random.default_rng(0)
    d = rng.normal(3, 1, UNITS)
    s = 0.2 * d[:, None] + rng.normal([0.1, 0.5], [0.3, 0.1], (UNITS, 2))
    made = summary_of(s, d)
    for head in range(2):
        ratio = s[:, head].mean() / d.mean()
        # Cochran 1977, (2.46), without the correction for a finite population
        error = np.sqrt(((s[:, head] - ratio * d) ** 2).sum() / (UNITS - 1) / UNITS) / d.mean()
        assert made.mean[head] == pytest.approx(ratio)
        assert made.se[head] == pytest.approx(error)


def test_heads_that_make_all_of_the_difference_or_a_constant_one() -> None:
    d = np.random.default_rng(1).normal(2, 1, UNITS)
    made = summary_of(np.stack([d, np.full(UNITS, 0.4)], axis=1), d)
    assert made.se[0] == pytest.approx(0, abs=1e-12)
    # what adds the same to every prompt is as uncertain, relatively, as the mean difference
    relative = d.std(ddof=1) / np.sqrt(UNITS) / d.mean()
    assert made.se[1] / made.mean[1] == pytest.approx(relative)


def test_intervals_of_shares_cover_the_ratio_of_the_population_means() -> None:
    """Differences of 1 +- 0.8 a prompt: a divisor taken as exact makes intervals far too narrow."""
    rng = np.random.default_rng(2)
    covered = {True: 0, False: 0}
    runs = 400
    for _ in range(runs):
        d = rng.normal(1, 0.8, UNITS)
        s = rng.normal(0.1, 0.01, (UNITS, 1))
        for known in covered:
            made = summary_of(s, d, known=known)
            covered[known] += bool(made.low[0] <= 0.1 <= made.high[0])
    assert covered[True] / runs == pytest.approx(0.95, abs=0.03)
    assert covered[False] / runs < 0.5


def test_a_share_of_noise_is_never_found() -> None:
    """The mean difference is 0.1 +- 0.125; a head that adds 0.01 logits would seem to be of use."""
    rng = np.random.default_rng(3)
    through, passed, before = 0, 0, 0
    for _ in range(300):
        d = rng.normal(0.1, 1, UNITS)
        s = rng.normal(0.01, 0.01, (UNITS, 1))
        if d.mean() > 0:
            before += summary_of(s, d, known=False).status == ("passes",)
        if gate_of(d).passed:
            through += 1
            passed += summary_of(s, d).status == ("passes",)
    assert before > 60  # what the mean alone let through
    assert through < 60
    assert passed == 0


def test_the_gate_compares_the_lower_end_of_students_interval() -> None:
    d = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0] * 8)  # no skewness
    low = d.mean() - 1.998341 * d.std(ddof=1) / 8  # t of 63 degrees, 97.5%
    made = gate_of(d)
    assert made.value == pytest.approx(low, abs=0.01)
    assert made.passed
    assert not gate_of(d, needed=4.2).passed  # the mean is 4.5, its interval reaches below
    assert not gate_of(np.zeros(UNITS)).passed  # nothing can be a share of nothing


def test_prompts_of_one_template_count_once_in_the_gate() -> None:
    rng = np.random.default_rng(4)
    of_template = rng.normal(1, 2, 8)
    answers: Any = SimpleNamespace(
        logits={"right": np.repeat(of_template, 8), "wrong": np.zeros(UNITS)}
    )
    lows = []
    for clusters in (np.arange(UNITS), np.repeat(np.arange(8), 8)):
        (made,) = answer_gates(Gate(min_logit_difference=-9), answers, clusters, accuracy=False)
        lows.append(made.value)
    assert lows[1] < lows[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"divided_by": np.ones(3)}, "one number for each unit"),
        ({"divided_by": np.ones(2), "bounds": (0.0, 1.0)}, "has no bounds"),
    ],
)
def test_divisors_that_do_not_fit_are_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Units(np.ones((2, 1)), np.ones((2, 1)), True, np.arange(2), "mean", **more)
