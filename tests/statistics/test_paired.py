"""Comparing two runs: differences, permutation and McNemar p-values, Holm's correction."""

from __future__ import annotations

import itertools
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spatialbench.statistics.holm import holm
from spatialbench.statistics.mcnemar import mcnemar_p
from spatialbench.statistics.paired import paired_difference
from spatialbench.statistics.ratios import MeanOfRatios, Ratio
from spatialbench.statistics.wilson import wilson_interval


def share(hits: object, trials: object) -> dict[str, MeanOfRatios]:
    return {"m": MeanOfRatios((Ratio(np.array(hits, float), np.array(trials, float)),))}


def test_every_exchange_of_few_clusters() -> None:
    """A ratio whose denominators differ between the runs, against a plain enumeration."""
    first = np.array([[1, 3], [0, 4], [2, 2], [1, 4], [0, 1], [2, 4]], dtype=float)
    second = np.array([[2, 3], [3, 4], [2, 4], [4, 4], [1, 2], [2, 4]], dtype=float)
    names = list("abcdef")

    def difference(a: np.ndarray, b: np.ndarray) -> float:
        return float(b[:, 0].sum() / b[:, 1].sum() - a[:, 0].sum() / a[:, 1].sum())

    observed = difference(first, second)
    extreme = 1.0  # the observed arrangement, and half of it and of its mirror image below
    for swapped in itertools.product([False, True], repeat=6):
        swap = np.array(swapped)[:, None]
        again = difference(np.where(swap, second, first), np.where(swap, first, second))
        if abs(again) > abs(observed) + 1e-12:
            extreme += 1
        elif abs(again) >= abs(observed) - 1e-12:
            extreme += 0.5
    got = paired_difference(share(*first.T), share(*second.T), names)["m"]
    assert got.value == pytest.approx(100 * observed)
    assert got.p == pytest.approx(extreme / 64)
    assert got.low <= got.value <= got.high


def test_random_exchanges_agree_with_scipy() -> None:
    rng = np.random.default_rng(11)
    hits = rng.binomial(4, 0.4, 40).astype(float)
    better = np.minimum(4, hits + rng.binomial(1, 0.3, 40) - rng.binomial(1, 0.15, 40)).clip(0)
    names = [str(i) for i in range(40)]
    got = paired_difference(
        share(hits, np.full(40, 4)), share(better, np.full(40, 4)), names, resamples=20_000
    )["m"]
    other = stats.permutation_test(
        (better, hits),
        lambda b, a, axis: np.mean(b - a, axis=axis),
        permutation_type="samples",
        n_resamples=20_000,
        rng=3,
    )
    observed, chance = abs(other.statistic), np.abs(other.null_distribution)
    ties = np.isclose(chance, observed)
    assert ties.mean() > 0.1
    assert got.p == pytest.approx(other.pvalue - ties.mean() / 2, abs=0.015)
    assert got.value == pytest.approx(100 * (better - hits).mean() / 4)
    spread = stats.bootstrap(
        (better - hits,), np.mean, method="percentile", n_resamples=20_000, rng=4
    ).confidence_interval
    assert (got.low, got.high) == pytest.approx((25 * spread.low, 25 * spread.high), abs=0.5)


@pytest.mark.parametrize("gained", [6, 7, 8, 9, 10])
def test_ties_count_half_as_in_mcnemars_mid_p(gained: int) -> None:
    """Ten clusters of one image that all flip: McNemar's mid-p, plus the observed arrangement."""
    hits = np.array([0.0] * gained + [1.0] * (10 - gained))
    names = [str(i) for i in range(10)]
    got = paired_difference(share(hits, [1.0] * 10), share(1 - hits, [1.0] * 10), names)["m"]
    mid = stats.binomtest(gained, 10).pvalue - stats.binom.pmf(gained, 10, 0.5)
    assert got.p == pytest.approx(mid + 1 / 1024)


def test_pairing_removes_what_both_runs_share() -> None:
    """Hard and easy clusters, and a second run that gains exactly one hit in each."""
    hits = np.array([0, 1, 2, 3] * 10, dtype=float)
    names = [str(i) for i in range(40)]
    got = paired_difference(share(hits, [4.0] * 40), share(hits + 1, [4.0] * 40), names)["m"]
    assert (got.value, got.low, got.high) == pytest.approx((25, 25, 25))
    assert got.p == pytest.approx(1 / 2001)


def test_a_run_against_itself() -> None:
    run = share([1, 0, 3, 2], [4, 4, 4, 4])
    got = paired_difference(run, run, list("abcd"))["m"]
    assert (got.value, got.low, got.high, got.p) == (0, 0, 0, 1)


def test_no_certainty_where_every_cluster_agrees() -> None:
    """Newcombe (1998), method 10; his 0 of 10 reaches to 0.2775."""
    names = list("abcdefghij")
    none, every = share([0] * 10, [4] * 10), share([4] * 10, [4] * 10)
    zero = paired_difference(none, none, names)["m"]
    reach = wilson_interval(0, 10)[1]
    assert reach == pytest.approx(0.2775, abs=1e-4)
    assert (zero.value, zero.low, zero.high, zero.p) == pytest.approx(
        (0, -100 * reach, 100 * reach, 1)
    )
    assert isnan(zero.standard_error)
    whole = paired_difference(none, every, names)["m"]
    assert (whole.value, whole.high) == (100, 100)
    assert whole.low == pytest.approx(100 - 100 * 2**0.5 * reach)


def test_swapping_the_runs_changes_the_sign_only() -> None:
    a, b = share([1, 0, 3, 2], [4, 4, 4, 3]), share([2, 2, 3, 1], [4, 2, 4, 4])
    there = paired_difference(a, b, list("abcd"))["m"]
    back = paired_difference(b, a, list("abcd"))["m"]
    assert (back.value, back.low, back.high) == pytest.approx(
        (-there.value, -there.high, -there.low)
    )
    assert back.p == there.p


def test_undefined_differences() -> None:
    defined, undefined = share([1, 2], [2, 2]), share([0, 0], [0, 0])
    got = paired_difference(defined, undefined, ["a", "b"])["m"]
    assert all(isnan(x) for x in (got.value, got.low, got.high, got.p))
    one = paired_difference(share([1, 1], [2, 2]), defined, ["a", "a"])["m"]
    assert one.value == pytest.approx(25)
    assert isnan(one.p)
    assert isnan(one.low)
    assert paired_difference(defined, {}, ["a", "b"]) == {}
    with pytest.raises(ValueError, match="same prompts"):
        paired_difference(defined, share([1, 2, 3], [4, 4, 4]), ["a", "b"])


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(only_first: int, only_second: int) -> None:
    n = only_first + only_second
    expected = stats.binomtest(only_first, n).pvalue if n else 1.0
    assert mcnemar_p(only_first, only_second) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_with_many_pairs_and_nonsense() -> None:
    assert mcnemar_p(50_000, 50_400) == pytest.approx(
        stats.binomtest(50_000, 100_400).pvalue, rel=1e-6
    )
    with pytest.raises(ValueError, match="negative"):
        mcnemar_p(-1, 3)


def test_holm_by_hand() -> None:
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03, "d": nan, "e": 0.9})
    assert list(adjusted) == list("abcde")
    assert isnan(adjusted.pop("d"))
    # 0.01 x 4; 0.03 x 3; max(0.09, 0.04 x 2); max(0.09, 0.9 x 1)
    assert adjusted == pytest.approx({"a": 0.09, "b": 0.04, "c": 0.09, "e": 0.9})
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm({"a": 1.2})


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 1), max_size=8))
def test_holm_never_lowers_nor_reorders(p_values: dict[str, float]) -> None:
    adjusted = holm(p_values)
    for a in p_values:
        assert p_values[a] <= adjusted[a] <= 1
        for b in p_values:
            if p_values[a] < p_values[b]:
                assert adjusted[a] <= adjusted[b]
