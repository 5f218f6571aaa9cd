"""Intervals, q, status and verdict against scipy, published figures and sums done by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import optimize, stats

from catalog.schema.recipe import Criterion
from verify.statistics import Summary, Units, recipe_verdict, summarise
from verify.statistics.intervals import Interval, difference_of, interval_of
from verify.statistics.permutation import flip_statistic, label_statistic, margin_test
from verify.statistics.summary import statuses

CRITERION = Criterion(min_score=0.3, min_margin=0.2, max_q=0.01)


def alone(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64)


def interval(values, *, clusters=None, share=False, bounds=None, level=0.95) -> Interval:
    values = np.asarray(values, dtype=np.float64)
    clusters = alone(len(values)) if clusters is None else np.asarray(clusters)
    return interval_of(values, clusters, share=share, bounds=bounds, level=level)


def paired(score, control, *, clusters=None, kind="mean", bounds=None) -> Units:
    score = np.asarray(score, dtype=np.float64)
    clusters = alone(len(score)) if clusters is None else clusters
    return Units(score, np.asarray(control, dtype=np.float64), True, clusters, kind, bounds)


# --- intervals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7, 64, 500])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_share_of_independent_units_is_wilsons_interval(count: int, level: float) -> None:
    for hits in sorted({0, 1, count // 3, count - 1, count}):
        values = np.zeros((count, 1))
        values[:hits] = 1
        ours = interval(values, share=True, bounds=(0, 1), level=level)
        theirs = stats.binomtest(hits, count).proportion_ci(level, method="wilson")
        assert ours.mean[0] == pytest.approx(hits / count)
        assert ours.low[0] == pytest.approx(theirs.low, abs=1e-12)
        assert ours.high[0] == pytest.approx(theirs.high, abs=1e-12)


def test_mean_of_symmetric_values_is_students_interval() -> None:
    half = np.random.default_rng(0).normal(size=(12, 3))
    values = 0.4 + np.concatenate([half, -half])  # skewness is exactly 0
    ours = interval(values)
    theirs = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    np.testing.assert_allclose(ours.low, theirs.low, rtol=1e-9)
    np.testing.assert_allclose(ours.high, theirs.high, rtol=1e-9)
    np.testing.assert_allclose(ours.se, stats.sem(values), rtol=1e-12)


def test_mean_of_skewed_values_solves_halls_equation() -> None:
    values = np.random.default_rng(1).beta(0.5, 5, size=40)
    number, mean, se = 40, values.mean(), stats.sem(values)
    skew = stats.skew(values) / np.sqrt(number)

    def statistic(centre: float) -> float:
        t = (mean - centre) / se
        return float(t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6)

    edge = stats.t(number - 1).ppf(0.975)
    low = optimize.brentq(lambda c: statistic(c) - edge, -1, 1)
    high = optimize.brentq(lambda c: statistic(c) + edge, -1, 1)
    ours = interval(values[:, None])
    assert (ours.low[0], ours.high[0]) == pytest.approx((low, high), abs=1e-9)


def test_mean_of_skewed_values_agrees_with_bca_bootstrap_more_than_t_does() -> None:
    values = np.random.default_rng(2).beta(0.5, 5, size=200)
    ours = interval(values[:, None])
    bca = stats.bootstrap(
        (values,), np.mean, method="BCa", n_resamples=9999, rng=np.random.default_rng(0)
    ).confidence_interval
    plain = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    for our, their, student in zip((ours.low[0], ours.high[0]), bca, plain, strict=True):
        assert abs(our - their) < abs(student - their)
        assert our == pytest.approx(their, abs=0.1 * (bca.high - bca.low))


def test_clusters_of_one_size_count_as_their_means() -> None:
    values = np.random.default_rng(3).normal(size=(8, 5, 2))
    clusters = np.repeat(alone(8), 5)
    ours, theirs = interval(values.reshape(40, 2), clusters=clusters), interval(values.mean(axis=1))
    for name in ("mean", "low", "high", "se"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-9)


def test_clusters_of_unequal_size_have_the_standard_error_of_a_ratio() -> None:
    values = np.array([1.0, 2.0, 3.0, 5.0, 4.0, 9.0])
    clusters = np.array([0, 0, 0, 1, 1, 2])
    # mean 4; totals 6, 9, 9 of 3, 2, 1 units leave -6, 1, 5; 3/2 * (36 + 1 + 25) / 36
    ours = interval(values[:, None], clusters=clusters)
    assert ours.mean[0] == pytest.approx(4.0)
    assert ours.se[0] ** 2 == pytest.approx(1.5 * 62 / 36)


def test_copies_of_the_same_prompt_add_no_certainty() -> None:
    values = np.random.default_rng(4).random((20, 1)).round()
    share = {"share": True, "bounds": (0, 1)}
    clusters = np.tile(alone(20), 50)
    once = interval(values, **share)
    many = interval(np.tile(values, (50, 1)), clusters=clusters, **share)
    treated_alone = interval(np.tile(values, (50, 1)), **share)
    assert many.high[0] - many.low[0] > 0.95 * (once.high[0] - once.low[0])
    assert treated_alone.high[0] - treated_alone.low[0] < 0.2 * (once.high[0] - once.low[0])


def test_units_of_a_single_cluster_count_as_independent() -> None:
    values = np.random.default_rng(5).random((30, 2))
    one, none = interval(values, clusters=np.zeros(30, dtype=np.int64)), interval(values)
    np.testing.assert_array_equal(one.low, none.low)


def test_difference_of_independent_shares_is_newcombes() -> None:
    """56/70 against 48/80: 0.0524 to 0.3339 (Newcombe 1998, table II, method 10)."""
    score, control = np.zeros((70, 1)), np.zeros((80, 1))
    score[:56], control[:48] = 1, 1
    units = Units(score, control, False, alone(70), "share")
    summary = summarise(units, Criterion(min_score=0, min_margin=0.05), seed=0)
    assert summary.margin[0] == pytest.approx(0.2)
    assert summary.margin_low[0] == pytest.approx(0.0524, abs=5e-5)
    assert summary.margin_high[0] == pytest.approx(0.3339, abs=5e-5)


def test_difference_of_shares_of_the_same_units_uses_their_correlation() -> None:
    score = np.repeat([1.0, 1.0, 0.0], 20)[:, None]
    control = np.repeat([1.0, 0.0, 0.0], 20)[:, None]
    same = summarise(
        paired(score, control, kind="share"), Criterion(min_score=0, min_margin=0), seed=0
    )
    unrelated = difference_of(
        interval(score, share=True), interval(control, share=True), bounds=(-1, 1)
    )
    # phi of this table is (1/3 - 2/9) / (2/9) = 1/2: l, u from Wilson's bounds of 40/60 and 20/60
    wide = stats.binomtest(40, 60).proportion_ci(method="wilson")
    down, up = 2 / 3 - wide.low, wide.high - 2 / 3
    # the control's bounds mirror the score's: its upper distance is the score's lower one
    assert same.margin_low[0] == pytest.approx(1 / 3 - np.sqrt(down**2 - down**2 + down**2))
    assert same.margin_high[0] == pytest.approx(1 / 3 + np.sqrt(up**2 - up**2 + up**2))
    assert same.margin_low[0] > unrelated.low[0]


@pytest.mark.parametrize(
    ("values", "share", "bounds", "low", "high"),
    [
        ([1, 1, 1, 1], True, (0, 1), 4 / (4 + 1.959964**2), 1.0),
        ([0.5], False, (0, 1), 0.0, 1.0),
        ([0.5], False, None, -np.inf, np.inf),
        # two equal values: a share of at most z^2 / (2 + z^2) differs, and lies within the bounds
        ([0.5, 0.5], False, (0, 1), 0.5 * (1 - 0.657623), 0.5 * (1 + 0.657623)),
        ([0.5, 0.5], False, None, -np.inf, np.inf),
        # six: the distribution-free interval of the median is that value (2 / 64 < 0.05)
        ([0.5] * 6, False, (0, 1), 0.5, 0.5),
        ([2.5] * 6, False, None, 2.5, 2.5),
        ([np.nan, np.nan], False, (0, 1), np.nan, np.nan),
    ],
)
def test_degenerate_values(values, share, bounds, low: float, high: float) -> None:
    ours = interval(np.array(values, dtype=float)[:, None], share=share, bounds=bounds)
    assert ours.low[0] == pytest.approx(low, abs=1e-5, nan_ok=True)
    assert ours.high[0] == pytest.approx(high, abs=1e-5, nan_ok=True)


def test_clusters_that_agree_count_as_the_geometric_mean_of_units_and_clusters() -> None:
    ours = interval(np.ones((36, 1)), clusters=np.repeat(alone(4), 9), share=True, bounds=(0, 1))
    theirs = stats.binomtest(12, 12).proportion_ci(method="wilson")
    assert ours.low[0] == pytest.approx(theirs.low)


def test_missing_units_of_a_head_are_left_out_of_its_numbers() -> None:
    rng = np.random.default_rng(6)
    score, control = rng.random((30, 2)), rng.random((30, 2)) * 0.2
    score[:5, 0] = np.nan
    whole = summarise(paired(score, control, bounds=(0, 1)), CRITERION, seed=0)
    part = summarise(paired(score[5:, :1], control[5:, :1], bounds=(0, 1)), CRITERION, seed=0)
    for name in ("mean", "low", "high", "se", "margin", "margin_low", "margin_high"):
        assert getattr(whole, name)[0] == pytest.approx(getattr(part, name)[0])
    assert (whole.units, part.units) == (30, 25)


# --- p and q -----------------------------------------------------------------------------------


def corrected(mean, variance, third):
    t, a = mean / np.sqrt(variance), third / variance**1.5
    return t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6


def one_sample(values: np.ndarray, axis: int = -1):
    number = values.shape[axis]
    mean = values.mean(axis=axis, keepdims=True)
    second, third = (((values - mean) ** power).mean(axis=axis) for power in (2, 3))
    return corrected(mean.squeeze(axis), second / (number - 1), third / number**2)


def two_samples(first: np.ndarray, second: np.ndarray):
    variance = first.var(ddof=1) / len(first) + second.var(ddof=1) / len(second)
    third = (
        np.mean((first - first.mean()) ** 3) / len(first) ** 2
        - np.mean((second - second.mean()) ** 3) / len(second) ** 2
    )
    return corrected(first.mean() - second.mean(), variance, third)


def test_statistics_of_an_arrangement_are_those_of_the_rearranged_values() -> None:
    rng = np.random.default_rng(18)
    values, others = rng.gamma(1.0, 0.2, size=(9, 2)), rng.normal(size=(12, 2))
    signs = np.where(rng.random((5, 9)) < 0.5, -1.0, 1.0)
    expected = [[one_sample(values[:, h] * row) for h in range(2)] for row in signs]
    np.testing.assert_allclose(flip_statistic(values)(signs), expected, rtol=1e-9)

    both = np.concatenate([values, others])
    labels = np.array([rng.permutation([1.0] * 9 + [0.0] * 12) for _ in range(5)])
    expected = [
        [two_samples(both[row == 1, h], both[row == 0, h]) for h in range(2)] for row in labels
    ]
    np.testing.assert_allclose(label_statistic(values, others)(labels), expected, rtol=1e-9)

    # and without the rows that a head lacks
    values[0, 0] = others[3, 0] = np.nan
    observed = label_statistic(values, others)(np.repeat([1.0, 0.0], [9, 12])[None, :])
    assert observed[0, 0] == pytest.approx(two_samples(values[1:, 0], np.delete(others[:, 0], 3)))
    kept = flip_statistic(values)(signs)[:, 0]
    np.testing.assert_allclose(kept, [one_sample(values[1:, 0] * row[1:]) for row in signs])


def exact_p(values: np.ndarray) -> float:
    """scipy's p that the mean is above 0, over all patterns of signs."""
    made = stats.permutation_test(
        (values,),
        one_sample,
        permutation_type="samples",
        n_resamples=np.inf,
        alternative="greater",
        vectorized=True,
    )
    return float(made.pvalue)


def test_paired_p_is_that_of_all_sign_patterns() -> None:
    rng = np.random.default_rng(7)
    score = 0.2 + rng.gamma(1.0, 0.2, size=(10, 1)) - 0.12
    ours = margin_test(paired(score, np.zeros_like(score)), 0.2, 0.05, rng)
    assert ours.permutations == 1024
    assert ours.q is not None
    assert ours.q[0] == pytest.approx(exact_p(score[:, 0] - 0.2), abs=1e-12)


def test_paired_p_flips_whole_clusters() -> None:
    rng = np.random.default_rng(8)
    score = rng.normal(0.3, 0.3, size=(11, 4))
    clusters = np.repeat(alone(11), 4)
    flat = score.reshape(44, 1)
    ours = margin_test(paired(flat, np.zeros_like(flat), clusters=clusters), 0.2, 0.05, rng)
    means = score.mean(axis=1) - 0.2
    observed = one_sample(means)
    reached = [
        one_sample(means * signs) >= observed - 1e-9
        for signs in itertools.product([1, -1], repeat=11)
    ]
    assert ours.q is not None
    assert ours.q[0] == pytest.approx(np.mean(reached), abs=1e-12)


def test_sampled_p_is_near_that_of_all_sign_patterns() -> None:
    rng = np.random.default_rng(9)
    score = rng.normal(0.32, 0.15, size=(15, 1))
    exact = exact_p(score[:, 0] - 0.2)
    ours = margin_test(paired(score, np.zeros_like(score)), 0.2, 0.05, rng)
    assert ours.permutations == 20_000  # fewer than 2^15
    assert ours.q is not None
    assert ours.q[0] == pytest.approx(exact, abs=5 * np.sqrt(exact / 20_000))


def test_unpaired_p_is_near_that_of_all_labellings() -> None:
    rng = np.random.default_rng(10)
    score, control = rng.normal(0.7, 0.3, size=(7, 1)), rng.gamma(1.0, 0.1, size=(6, 1))
    exact = stats.permutation_test(
        (score[:, 0] - 0.2, control[:, 0]),
        two_samples,
        permutation_type="independent",
        n_resamples=np.inf,
        alternative="greater",
    ).pvalue
    ours = margin_test(Units(score, control, False, alone(7), "mean"), 0.2, 0.05, rng)
    assert ours.q is not None
    assert ours.q[0] == pytest.approx(exact, abs=5 * np.sqrt(exact / 20_000) + 1e-4)


def test_q_is_benjamini_and_hochbergs() -> None:
    rng = np.random.default_rng(11)
    score = rng.normal(0.3, 0.3, size=(11, 4))
    control = np.zeros_like(score)
    single = [margin_test(paired(score[:, [h]], control[:, [h]]), 0.2, 0.05, rng) for h in range(4)]
    p = np.array([t.q[0] for t in single if t.q is not None])  # one head alone: q is p
    order = np.argsort(p)
    expected = np.empty(4)
    for rank, head in enumerate(order, start=1):
        expected[head] = min(p[order[j - 1]] * 4 / j for j in range(rank, 5))
    together = margin_test(paired(score, control), 0.2, 0.05, rng)
    np.testing.assert_allclose(together.q, expected, rtol=1e-12)


def test_the_least_p_counts_the_observed_arrangement() -> None:
    score = np.random.default_rng(12).uniform(0.8, 0.9, size=(64, 1))
    tested = margin_test(paired(score, np.zeros_like(score)), 0.2, 0.05, np.random.default_rng(0))
    assert tested.q is not None
    assert tested.q[0] == 1 / 20_001


def test_many_heads_get_enough_permutations_for_one_alone_to_reach_max_q() -> None:
    rng = np.random.default_rng(13)
    score = rng.uniform(0.0, 0.2, size=(64, 512))
    score[:, 300] += 0.7
    summary = summarise(paired(score, np.zeros_like(score), bounds=(0, 1)), CRITERION, seed=0)
    assert summary.permutations >= 512 / 0.01
    assert summary.q is not None
    assert summary.q[300] <= 0.01
    assert [h for h, status in enumerate(summary.status) if status == "passes"] == [300]


def test_equal_scores_of_all_units_are_as_certain_as_permutations_allow() -> None:
    score, control = np.ones((64, 2)), np.zeros((64, 2))
    score[:, 1] = 0.2  # exactly at the margin: nothing above it
    summary = summarise(paired(score, control, bounds=(0, 1)), CRITERION, seed=0)
    assert summary.q is not None
    assert summary.q[0] == pytest.approx(2 / 20_001)
    assert summary.q[1] == 1.0
    assert summary.status == ("passes", "fails")


def test_too_few_clusters_leave_score_and_margin_to_decide() -> None:
    rng = np.random.default_rng(14)
    score = rng.uniform(0.7, 0.9, size=(64, 144))
    clusters = alone(64) % 8
    units = paired(score, np.zeros_like(score), clusters=clusters, bounds=(0, 1))
    summary = summarise(units, CRITERION, seed=0)
    assert summary.q is None
    assert summary.q_note is not None
    assert "256 arrangements" in summary.q_note
    assert "14400" in summary.q_note
    assert set(summary.status) == {"passes"}


def test_more_prompts_never_turn_a_trifle_into_a_finding() -> None:
    score = np.random.default_rng(15).normal(0.19, 0.1, size=(4_000, 1)).clip(0, 1)
    summary = summarise(
        paired(score, np.zeros_like(score), bounds=(0, 1)),
        Criterion(min_score=0.0, min_margin=0.2, max_q=0.05),
        seed=0,
    )
    assert summary.q is not None
    assert summary.q[0] == pytest.approx(1.0, abs=0.01)
    assert summary.status == ("fails",)


def test_same_seed_same_numbers() -> None:
    rng = np.random.default_rng(16)
    units = paired(rng.random((64, 6)), rng.random((64, 6)) * 0.5, bounds=(0, 1))
    first, again = (summarise(units, CRITERION, seed=3) for _ in range(2))
    other = summarise(units, CRITERION, seed=4)
    assert first.q is not None
    assert other.q is not None
    np.testing.assert_array_equal(first.q, again.q)
    np.testing.assert_allclose(first.q, other.q, atol=0.05)


# --- status and verdict ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "low", "high"), [(1 / 30, 0.85, 0.88), (0.1, 0.92, 0.98), (0.5, 0.93, 0.97)]
)
def test_means_of_two_values_are_covered_unless_one_is_too_rare_to_be_seen(
    p: float, low: float, high: float
) -> None:
    """Exactly, over how many of 64 prompts score at the other end (0.1, where others have 0.9)."""
    covered = 0.0
    for count in range(65):
        values = np.where(np.arange(64) < count, 0.1, 0.9)
        made = interval(values[:, None], bounds=(0.0, 1.0))
        inside = made.low[0] <= 0.1 * p + 0.9 * (1 - p) <= made.high[0]
        covered += stats.binom.pmf(count, 64, p) * inside
    # one in thirty: none of 64 is of that kind with a chance of 0.114
    assert low <= covered <= high


def bounds(low: float, high: float) -> Interval:
    mean = np.array([(low + high) / 2])
    return Interval(mean, np.array([low]), np.array([high]), np.array([0.1]))


@pytest.mark.parametrize(
    ("score", "margin", "q", "status"),
    [
        ((0.4, 0.6), (0.3, 0.5), 0.001, "passes"),
        ((0.4, 0.6), (0.3, 0.5), None, "passes"),
        ((0.4, 0.6), (0.3, 0.5), 0.02, "unclear"),
        ((0.2, 0.6), (0.3, 0.5), 0.001, "unclear"),
        ((0.4, 0.6), (0.1, 0.3), 0.001, "unclear"),
        ((0.1, 0.29), (0.3, 0.5), 0.001, "fails"),
        ((0.4, 0.6), (0.0, 0.19), 1.0, "fails"),
        ((0.3, 0.3), (0.2, 0.2), None, "passes"),  # thresholds belong to the passing side
        ((0.4, 0.6), (1 - 0.8, 0.5), 0.001, "passes"),  # 1 - 0.8 is 0.19999999999999996
        ((0.1, 0.3), (0.3, 0.5), 0.001, "unclear"),
        ((np.nan, np.nan), (np.nan, np.nan), np.nan, "unclear"),
        ((0.4, 0.6), (0.3, 0.5), np.nan, "unclear"),
    ],
)
def test_status_of_a_head(score, margin, q: float | None, status: str) -> None:
    given = None if q is None else np.array([q])
    assert statuses(bounds(*score), bounds(*margin), given, CRITERION) == (status,)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ((-0.05, 0.08), "passes"),
        ((-0.1, 0.1), "passes"),
        ((0.05, 0.2), "unclear"),
        ((-0.3, 0.3), "unclear"),
        ((0.11, 0.3), "fails"),
        ((-0.3, -0.11), "fails"),
    ],
)
def test_status_where_the_control_must_not_differ(change, status: str) -> None:
    criterion = Criterion(min_score=0.3, max_change=0.1)
    assert statuses(bounds(0.5, 0.6), bounds(*change), None, criterion) == (status,)


def test_a_change_that_is_always_zero_passes() -> None:
    score = np.random.default_rng(17).uniform(0.8, 1.0, size=(24, 1))
    criterion = Criterion(min_score=0.5, max_change=0.1)
    summary = summarise(paired(score, score, bounds=(0, 1)), criterion, seed=0)
    assert summary.status == ("passes",)
    assert (summary.margin_low[0], summary.margin_high[0]) == (0.0, 0.0)
    assert summary.q is None
    assert summary.q_note is not None


def summary_with(*status: str, mean: list[float] | None = None) -> Summary:
    numbers = np.array(mean if mean else np.linspace(0.9, 0.1, len(status)))
    arrays = dict.fromkeys(
        ("low", "high", "se", "control", "margin", "margin_low", "margin_high"), numbers
    )
    return Summary(
        mean=numbers,
        **arrays,
        q=None,
        status=status,
        q_note="",
        permutations=0,
        units=1,
        clusters=1,
    )


def test_verdict_of_a_recipe() -> None:
    some = recipe_verdict(
        summary_with("passes", "unclear", "passes", "fails", mean=[0.5, 0.4, 0.9, 0.1])
    )
    assert (some.verdict, some.passing, some.unclear) == ("found", (2, 0), (1,))
    assert recipe_verdict(summary_with("fails", "unclear")).verdict == "inconclusive"
    assert recipe_verdict(summary_with("fails", "fails")).verdict == "not-found"


def test_heads_that_are_not_confirmed_are_unclear() -> None:
    summary = summary_with("passes", "passes", "fails")
    one = recipe_verdict(summary, np.array([True, False, False]))
    assert (one.verdict, one.passing, one.unclear) == ("found", (0,), (1,))
    none = recipe_verdict(summary, np.array([False, False, False]))
    assert (none.verdict, none.passing, none.unclear) == ("inconclusive", (), (0, 1))


@pytest.mark.parametrize(
    ("score", "control", "options", "message"),
    [
        (np.zeros(3), np.zeros(3), {}, "units, heads"),
        (np.zeros((0, 2)), np.zeros((0, 2)), {}, "no units"),
        (np.zeros((3, 2)), np.zeros((3, 1)), {}, "control has 1 heads, score has 2"),
        (np.zeros((3, 2)), np.zeros((4, 2)), {}, "3 units have 4 control units"),
        (np.zeros((3, 2)), np.zeros((3, 2)), {"clusters": alone(2)}, r"clusters must have shape"),
        (np.full((3, 2), 0.5), np.zeros((3, 2)), {"kind": "share"}, "must be 0 or 1"),
        (np.full((3, 2), 1.5), np.zeros((3, 2)), {"bounds": (0, 1)}, "outside its bounds"),
        (np.full((3, 2), np.inf), np.zeros((3, 2)), {}, "infinite"),
    ],
)
def test_units_that_do_not_fit_are_refused(score, control, options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paired(score, control, **options)


def test_max_change_needs_a_paired_control() -> None:
    units = Units(np.zeros((3, 1)), np.zeros((3, 1)), False, alone(3), "mean")
    with pytest.raises(ValueError, match="paired"):
        summarise(units, Criterion(min_score=0, max_change=0.1), seed=0)
