"""Boundaries of several looks, against the tables that everybody prints."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from spatialbench.statistics.spending import (
    boundaries,
    crossing_chance,
    levels,
    look_sizes,
    price_of_looks,
    spent,
)

FIFTHS = [0.2, 0.4, 0.6, 0.8, 1.0]


def test_lan_demets_boundaries_are_the_published_ones() -> None:
    """Two-sided 5 %, five equal looks: the tables of Reboussin, DeMets, Kim and Lan's program."""
    obrien = [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]
    pocock = [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]
    assert boundaries(FIFTHS) == pytest.approx(obrien, abs=2e-4)
    assert boundaries(FIFTHS, shape="pocock") == pytest.approx(pocock, abs=2e-4)


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien"), [(2, 2.178, 1.977), (4, 2.361, 2.024), (5, 2.413, 2.040)]
)
def test_the_classical_plans_have_the_level_they_are_printed_with(
    looks: int, pocock: float, obrien: float
) -> None:
    """Jennison and Turnbull's tables 2.1 and 2.3, alpha 0.05."""
    shares = [(k + 1) / looks for k in range(looks)]
    assert crossing_chance(shares, [pocock] * looks) == pytest.approx(0.05, abs=1e-4)
    falling = [obrien / share**0.5 for share in shares]
    assert crossing_chance(shares, falling) == pytest.approx(0.05, abs=1e-4)


@pytest.mark.parametrize("alpha", [0.05, 0.08, 0.003])
def test_all_of_the_level_is_spent_and_no_more(alpha: float) -> None:
    shares = [0.13, 0.5, 0.77, 1.0]
    assert crossing_chance(shares, boundaries(shares, alpha)) == pytest.approx(alpha, rel=1e-3)
    assert spent(1.0, alpha) == pytest.approx(alpha)


def test_one_look_is_the_ordinary_test() -> None:
    assert boundaries([1.0]) == pytest.approx([NormalDist().inv_cdf(0.975)])
    assert levels([1.0], 0.03) == pytest.approx([0.03])


def test_walks_without_a_drift_cross_as_often_as_computed() -> None:
    """The integration against plain simulation."""
    rng = np.random.default_rng(3)
    steps = rng.normal(size=(100_000, 5)).cumsum(axis=1) / np.sqrt(np.arange(1, 6))
    crossed = (np.abs(steps) > np.array(boundaries(FIFTHS, 0.1))).any(axis=1).mean()
    assert crossed == pytest.approx(0.1, abs=0.004)


def test_the_price_of_looks_is_the_published_one() -> None:
    """Jennison and Turnbull's tables 2.3 and 2.4: five looks of O'Brien and Fleming's shape."""
    most, used = price_of_looks(FIFTHS, power=0.9)
    assert most == pytest.approx(1.026, abs=0.005)
    assert used == pytest.approx(0.757, abs=0.015)
    assert price_of_looks([1.0]) == pytest.approx((1.0, 1.0), abs=1e-6)


def test_look_sizes_and_plans_that_are_none() -> None:
    assert look_sizes(800) == [160, 320, 480, 640, 800]
    assert look_sizes(7) == [2, 3, 5, 6, 7]
    assert look_sizes(3) == [1, 2, 3]
    for shares in ([], [0.5], [0.5, 0.4, 1.0], [0.0, 1.0]):
        with pytest.raises(ValueError, match="no plan"):
            boundaries(shares)
