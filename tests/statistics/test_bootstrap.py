"""Intervals: coverage, agreement with another library, invariance, and undefined cases."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from spatialbench.errors import UserError
from spatialbench.statistics.bootstrap import expanded_t, intervals, percentile_bounds
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio
from spatialbench.statistics.wilson import wilson_interval
from tests.imported_modules import imported_by


def share(hits: object, trials: object, scale: float = 100.0) -> MeanOfRatios:
    return MeanOfRatios((Ratio(np.array(hits, float), np.array(trials, float)),), scale)


def simulated(rng: np.random.Generator, clusters: int) -> tuple[FloatArray, FloatArray, list[str]]:
    """Eight prompts a cluster, four images each, hit rate beta(2, 2) by cluster; truth 50 %."""
    rate = rng.beta(2, 2, clusters)
    hits = rng.binomial(4, np.repeat(rate, 8)).astype(float)
    return hits, np.full(8 * clusters, 4.0), [f"pair {i // 8}" for i in range(8 * clusters)]


def test_coverage_of_correlated_prompts() -> None:
    """Clustered intervals cover; the same intervals over single prompts are far too narrow."""
    rng = np.random.default_rng(2024)
    clustered = alone = 0
    for simulation in range(200):
        hits, trials, clusters = simulated(rng, 50)
        metric = {"m": share(hits, trials)}
        low, high = intervals(metric, clusters, resamples=400, seed=simulation)["m"]
        clustered += low <= 50 <= high
        names = [str(i) for i in range(len(hits))]
        low, high = intervals(metric, names, resamples=400, seed=simulation)["m"]
        alone += low <= 50 <= high
    assert 0.90 <= clustered / 200 <= 0.99
    assert alone / 200 < 0.85


def test_agrees_with_scipy_on_cluster_means() -> None:
    """With equal clusters the ratio is the mean of cluster means, which scipy can resample."""
    rng = np.random.default_rng(5)
    hits, trials, clusters = simulated(rng, 60)
    low, high = intervals({"m": share(hits, trials)}, clusters, resamples=20_000)["m"]
    means = (hits.reshape(60, 8) / 4).mean(axis=1) * 100
    other = stats.bootstrap(
        (means,), np.mean, method="percentile", n_resamples=20_000, rng=1
    ).confidence_interval
    assert low == pytest.approx(other.low, abs=0.3)
    assert high == pytest.approx(other.high, abs=0.3)


def test_few_clusters_have_wider_tails() -> None:
    """Ten clusters: as wide as Student's interval of their means; plain percentiles are not."""
    rng = np.random.default_rng(12)
    ratios = []
    for _ in range(40):
        means = rng.normal(50, 10, 10)
        low, high = intervals({"m": share(means / 100, np.ones(10))}, list("abcdefghij"))["m"]
        student = stats.t.interval(0.95, 9, means.mean(), stats.sem(means))
        ratios.append((high - low) / (student[1] - student[0]))
    assert np.mean(ratios) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("count", [3, 10, 500])
def test_the_tail_is_that_of_students_t(count: int) -> None:
    """Percentiles of a normal sample, ``t sqrt(n / (n - 1))`` standard deviations out."""
    drawn = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)[:, None]
    low, high = percentile_bounds(drawn, 0.8, [count])
    reach = stats.t.ppf(0.9, count - 1) * (count / (count - 1)) ** 0.5
    assert high[0] == pytest.approx(reach, rel=1e-3)
    assert low[0] == pytest.approx(-high[0])


def test_the_order_of_prompts_and_other_metrics_change_nothing() -> None:
    rng = np.random.default_rng(7)
    hits, trials, clusters = simulated(rng, 20)
    alone = intervals({"m": share(hits, trials)}, clusters)
    order = rng.permutation(len(hits))
    shuffled = intervals(
        {"other": share(trials - hits, trials), "m": share(hits[order], trials[order])},
        [clusters[i] for i in order],
    )
    assert shuffled["m"] == alone["m"]
    assert intervals({"m": share(hits, trials)}, clusters, seed=1) != alone


def test_empty_clusters_take_no_part() -> None:
    rng = np.random.default_rng(8)
    hits, trials, clusters = simulated(rng, 12)
    padded = share(np.append(hits, [0.0, 0.0]), np.append(trials, [0.0, 0.0]))
    assert intervals({"m": padded}, [*clusters, "z", "a"]) == intervals(
        {"m": share(hits, trials)}, clusters
    )


def test_large_inputs_are_drawn_in_pieces_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from spatialbench.statistics import resampling

    rng = np.random.default_rng(9)
    hits, trials, clusters = simulated(rng, 30)
    kept = intervals({"m": share(hits, trials)}, clusters, resamples=500, seed=3)
    monkeypatch.setattr(resampling, "_KEEP", 0)
    monkeypatch.setattr(resampling, "_CHUNK", 100)
    assert intervals({"m": share(hits, trials)}, clusters, resamples=500, seed=3) == kept


def test_a_mean_of_ratios_by_hand() -> None:
    """Two clusters: a resample is (a, a), (a, b) or (b, b), with odds 1 : 2 : 1.

    Their values are (1/4 + 2/2) / 2, (4/8 + 4/6) / 2 and (3/4 + 2/4) / 2.
    """
    metric = MeanOfRatios(
        (
            Ratio(np.array([1.0, 3.0]), np.array([4.0, 4.0])),
            Ratio(np.array([2.0, 2.0]), np.array([2.0, 4.0])),
        ),
        scale=1.0,
    )
    low, high = intervals({"m": metric}, ["a", "b"])["m"]
    assert (low, high) == pytest.approx((7 / 12, 5 / 8))
    first_only = intervals({"m": share([1, 3], [4, 4], scale=1)}, ["a", "b"])["m"]
    assert first_only == pytest.approx((0.25, 0.75))


def test_resamples_without_a_denominator_are_dropped() -> None:
    """Only two of four clusters say anything: 1/2 and 2/2; some resamples miss both."""
    low, high = intervals(
        {"m": share([1, 2, 0, 0], [2, 2, 0, 0]), "n": share([1] * 4, [2] * 4)}, list("abcd")
    )["m"]
    assert (low, high) == (50.0, 100.0)


def test_nothing_to_resample() -> None:
    def interval(hits: list[float], trials: list[float], names: str) -> tuple[float, float]:
        # The second metric keeps every cluster in play.
        every = share(np.ones(len(hits)), np.full(len(hits), 2))
        return intervals({"m": share(hits, trials), "every": every}, list(names))["m"]

    for low, high in (
        interval([1, 1], [2, 2], "aa"),
        interval([0, 0, 0], [0, 0, 0], "abc"),
        interval([1, 0, 0], [2, 0, 0], "abc"),
    ):
        assert isnan(low)
        assert isnan(high)
    assert intervals({}, []) == {}


def test_the_same_rate_in_every_cluster_is_not_certain() -> None:
    names = [str(i) for i in range(25)]
    got = intervals(
        {
            "never": share(np.zeros(25), np.full(25, 4)),
            "always": share([4.0] * 25, [4.0] * 25),
            "one in five": share([1.0] * 25, [5.0] * 25),
        },
        names,
    )
    expected = stats.binomtest(0, 25).proportion_ci(method="wilson")
    assert got["never"] == pytest.approx((0.0, 100 * expected.high))
    assert got["always"] == pytest.approx((100 - 100 * expected.high, 100.0))
    fifth = stats.binomtest(5, 25).proportion_ci(method="wilson")
    assert got["one in five"] == pytest.approx((100 * fifth.low, 100 * fifth.high))


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.sampled_from("abcde")),
        min_size=1,
        max_size=20,
    )
)
def test_bounds_are_ordered_shares_or_both_undefined(
    rows: list[tuple[int, int, str]],
) -> None:
    hits = [min(h, n) for h, n, _ in rows]
    trials = [n for _, n, _ in rows]
    low, high = intervals({"m": share(hits, trials)}, [c for *_, c in rows], resamples=50)["m"]
    assert isnan(low) == isnan(high)
    assert isnan(low) or 0 <= low <= high <= 100


def test_settings_that_mean_nothing() -> None:
    metric = {"m": share([1, 2], [4, 4])}
    with pytest.raises(UserError, match="resamples is 0"):
        intervals(metric, ["a", "b"], resamples=0)
    with pytest.raises(UserError, match="confidence must be between 0 and 1"):
        intervals(metric, ["a", "b"], confidence=95)
    with pytest.raises(ValueError, match="1 cluster names for 2 prompts"):
        intervals(metric, ["a"])


@pytest.mark.parametrize(("hits", "trials"), [(0, 10), (10, 10), (3, 17), (50, 1000)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_agrees_with_scipy(hits: int, trials: int, confidence: float) -> None:
    other = stats.binomtest(hits, trials).proportion_ci(confidence, method="wilson")
    assert wilson_interval(hits, trials, confidence) == pytest.approx((other.low, other.high))


def test_wilson_without_trials_and_out_of_range() -> None:
    assert all(isnan(bound) for bound in wilson_interval(0, 0))
    with pytest.raises(UserError, match="3 successes in 2 trials"):
        wilson_interval(3, 2)


def test_the_tail_is_students_to_the_last_bit() -> None:
    """Over the levels and the numbers of clusters that intervals have; of scipy by itself."""
    for confidence in (0.5, 0.68, 0.9, 0.95, 0.99, 0.999):
        below = 0.5 + confidence / 2
        for clusters in (*range(2, 200), 553, 3160, 25_280, 10**6):
            defined = np.sqrt(clusters / (clusters - 1)) * special.stdtrit(clusters - 1, below)
            assert expanded_t(clusters, below) == defined


def test_a_tail_takes_none_of_numpys_tools_which_are_there_once_used() -> None:
    code = "from spatialbench.statistics.bootstrap import expanded_t; print(expanded_t(9, 0.975))"
    spared = {"unittest.case", "numpy.testing._private", "numpy.f2py.crackfortran"}
    imported = imported_by(code)
    assert not spared & imported
    assert "scipy.special" in imported
    used = "numpy.testing.assert_equal(1, 1); assert numpy.f2py.get_include()"
    for how in ("import numpy", "import numpy, numpy.f2py\nfrom numpy import testing"):
        assert spared < imported_by(f"{code}\n{how}\n{used}")
