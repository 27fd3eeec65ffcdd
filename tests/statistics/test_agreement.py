"""Agreement of two judges against hand-computed tables and the defining formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.statistics.agreement import Agreement


def test_a_textbook_table() -> None:
    # 20 both yes, 5 and 10 alone, 15 both no: observed 0.7, by chance 0.5, kappa 0.4.
    one = Agreement(20, 5, 10, 15)
    assert one.count == 50
    assert one.rate == pytest.approx(0.7)
    assert one.kappa == pytest.approx(0.4)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_kappa_is_the_excess_over_chance(answers: list[tuple[bool, bool]]) -> None:
    first, second = (np.array(column, dtype=bool) for column in zip(*answers, strict=True))
    one = Agreement.of(first, second)
    observed = np.mean(first == second)
    chance = np.mean(first[:, None] == second[None, :])
    assert one.rate == pytest.approx(observed)
    if chance == 1:
        assert math.isnan(one.kappa)
    else:
        assert one.kappa == pytest.approx((observed - chance) / (1 - chance))


def test_nothing_judged_agrees_on_nothing() -> None:
    empty = Agreement.of(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    assert math.isnan(empty.rate)
    assert math.isnan(empty.kappa)


def test_the_interval_of_kappa_is_that_of_large_samples() -> None:
    # Fleiss, Cohen and Everitt (1969): the standard error of kappa without clusters.
    rng = np.random.default_rng(5)
    first = rng.random(3000) < 0.6
    second = np.where(rng.random(3000) < 0.8, first, rng.random(3000) < 0.5)
    one = Agreement.of_clusters(first, second, [str(i) for i in range(3000)], resamples=4000)
    p = np.array([[one.both, one.only_first], [one.only_second, one.neither]]) / one.count
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    chance, kappa = float(rows @ columns), one.kappa
    on = sum(p[i, i] * (1 - (rows[i] + columns[i]) * (1 - kappa)) ** 2 for i in range(2))
    off = (1 - kappa) ** 2 * sum(
        p[i, j] * (columns[i] + rows[j]) ** 2 for i in range(2) for j in range(2) if i != j
    )
    error = math.sqrt(on + off - (kappa - chance * (1 - kappa)) ** 2)
    error /= (1 - chance) * math.sqrt(one.count)
    low, high = one.kappa_interval
    # 4,000 resamples give the ends of the interval within some 4 % of its width.
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.06)
    assert low < kappa < high
    share = one.rate
    low, high = one.rate_interval
    assert (high - low) / 2 == pytest.approx(1.96 * math.sqrt(share * (1 - share) / 3000), rel=0.06)


def test_whole_clusters_are_drawn() -> None:
    first = np.tile([True, False], 50)
    second = np.repeat(np.arange(10) % 3 == 0, 10) ^ first
    alone = Agreement.of_clusters(first, second, [str(i) for i in range(100)])
    tens = Agreement.of_clusters(first, second, [str(i // 10) for i in range(100)])
    assert alone.rate == tens.rate == 0.6
    width = [high - low for low, high in (alone.rate_interval, tens.rate_interval)]
    assert width[1] > 2 * width[0]


def test_what_cannot_be_known_is_no_interval() -> None:
    yes, mixed = np.ones(6, dtype=bool), np.array([True, False] * 3)
    always = Agreement.of_clusters(yes, mixed, list("abcdef"))
    assert always.kappa == 0
    assert math.isnan(always.kappa_interval[0])
    low, high = always.rate_interval
    assert low < 0.5 < high
    one_cluster = Agreement.of_clusters(mixed, mixed, ["a"] * 6)
    assert math.isnan(one_cluster.rate_interval[0])
    assert math.isnan(one_cluster.kappa_interval[0])
    same = Agreement.of_clusters(mixed, mixed, list("abcdef"))
    assert (same.rate, same.kappa) == (1, 1)
    assert 0.4 < same.rate_interval[0] < 1
