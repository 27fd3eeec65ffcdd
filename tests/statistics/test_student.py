"""Student's t against scipy."""

from __future__ import annotations

from math import isnan

import pytest
from scipy import stats

from spatialbench.statistics.student import t_quantile


@pytest.mark.parametrize(
    ("degrees", "within"), [(1, 1e-9), (2, 0.01), (3, 0.002), (5, 2e-4), (24, 1e-6), (3000, 1e-9)]
)
@pytest.mark.parametrize("probability", [0.025, 0.9, 0.975])
def test_against_scipy(probability: float, degrees: int, within: float) -> None:
    expected = stats.t.ppf(probability, degrees)
    assert t_quantile(probability, degrees) == pytest.approx(expected, rel=within)


def test_no_degree_of_freedom() -> None:
    assert isnan(t_quantile(0.975, 0))
