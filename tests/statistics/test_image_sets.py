"""FID, KID and CMMD against scipy's matrix root, plain sums over pairs, and known cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.linalg

from spatialbench.statistics.image_sets import Features, cmmd, frechet_distance, kid, moments


def made(count: int, width: int, seed: int, shift: float = 0.0) -> Features:
    generator = np.random.default_rng(seed)
    mixed = generator.standard_normal((count, width)) @ generator.standard_normal((width, width))
    found: Features = mixed / np.sqrt(width) + shift
    return found


def unit(features: Features) -> Features:
    found: Features = features / np.linalg.norm(features, axis=1, keepdims=True)
    return found


def by_scipy(a: Features, b: Features) -> float:
    """The formula as it stands in the paper, with scipy's root of the product."""
    root = scipy.linalg.sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False))
    both = np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * root
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(both).real)


@pytest.mark.parametrize("width", [1, 3, 64, 256])
def test_fid_is_the_formula(width: int) -> None:
    a, b = made(600, width, 1), made(700, width, 2, shift=0.3)
    if width == 1:
        expected = float((a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2)
    else:
        expected = by_scipy(a, b)
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [40, 600])
def test_a_set_has_no_distance_from_itself(count: int) -> None:
    """Also where the covariance has no full rank."""
    a = made(count, 256, 3)
    assert abs(frechet_distance(moments(a), moments(a))) < 1e-6
    assert abs(cmmd(unit(a), unit(a))) < 1e-6


def test_fid_of_shifted_sets_is_the_square_of_the_shift() -> None:
    a = made(500, 8, 4)
    assert frechet_distance(moments(a), moments(a + 2)) == pytest.approx(8 * 4, rel=1e-9)


def over_pairs(a: Features, b: Features, kernel: Callable[[Features, Features], float]) -> float:
    return float(np.mean([[kernel(x, y) for y in b] for x in a]))


def test_cmmd_is_the_sum_over_pairs() -> None:
    a, b = unit(made(30, 12, 5)), unit(made(41, 12, 6, shift=0.5))

    def gauss(x: Features, y: Features) -> float:
        return float(np.exp(-((x - y) ** 2).sum() / (2 * 10**2)))

    pairs = [over_pairs(*both, gauss) for both in ((a, a), (b, b), (a, b))]
    assert cmmd(a, b) == pytest.approx(1000 * (pairs[0] + pairs[1] - 2 * pairs[2]), abs=1e-6)
    many = unit(made(2100, 4, 7))
    assert cmmd(many, many[::-1]) == pytest.approx(0, abs=1e-6)


def test_kid_of_whole_sets_is_the_unbiased_sum() -> None:
    a, b = made(25, 6, 8), made(25, 6, 9, shift=0.4)

    def cube(x: Features, y: Features) -> float:
        return float((x @ y / 6 + 1) ** 3)

    def others(x: Features) -> float:
        return sum(cube(x[i], x[j]) for i in range(25) for j in range(25) if i != j) / (25 * 24)

    expected = others(a) + others(b) - 2 * over_pairs(a, b, cube)
    mean, spread = kid(a, b, subsets=3)
    assert mean == pytest.approx(expected, rel=1e-9)
    assert spread == pytest.approx(0, abs=1e-9)
    part = kid(a, b, subsets=20, size=10)
    assert part == kid(a, b, subsets=20, size=10)
    assert part[1] > 0
