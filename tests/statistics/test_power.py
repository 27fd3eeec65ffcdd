"""Planning figures against published ones and against simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from spatialbench.errors import UserError
from spatialbench.statistics.power import (
    half_width,
    paired_error,
    prompts_needed,
    smallest_difference,
    standard_error,
)


@pytest.mark.parametrize(
    ("rate", "correlation", "width"),
    [(0.5, 0, 4.9), (0.5, 0.3, 6.7), (0.5, 0.5, 7.7), (0.1, 0, 2.9), (0.1, 0.3, 4.1)],
)
def test_genevals_position_task(rate: float, correlation: float, width: float) -> None:
    """100 prompts with four images each; figures worked out apart from this code."""
    error = standard_error(rate, 100, 4, correlation)
    assert 100 * half_width(error) == pytest.approx(width, abs=0.06)


def test_the_whole_of_visor() -> None:
    assert 100 * half_width(standard_error(0.5, 25_280, 4, 0.3)) == pytest.approx(0.42, abs=0.005)


def test_errors_of_simulated_clusters() -> None:
    """Beta-binomial prompts: the correlation is 1 / (a + b + 1)."""
    rng = np.random.default_rng(5)
    rates = rng.beta(1.0, 1.0, (4000, 50))
    shares = rng.binomial(4, rates).mean(axis=1) / 4
    assert shares.std() == pytest.approx(standard_error(0.5, 50, 4, 1 / 3), rel=0.05)


def test_power_is_reached() -> None:
    """With the difference it names, four z-tests in five are significant."""
    difference = smallest_difference(1.0)
    assert stats.norm.sf(stats.norm.isf(0.025) - difference) == pytest.approx(0.8, abs=1e-6)
    prompts = prompts_needed(0.05, 0.5, 4, 0.3, 0.4)
    error = paired_error(standard_error(0.5, prompts, 4, 0.3), 0.4)
    assert smallest_difference(error) <= 0.05
    error = paired_error(standard_error(0.5, prompts - 1, 4, 0.3), 0.4)
    assert smallest_difference(error) > 0.05


@pytest.mark.parametrize(
    "call",
    [
        lambda: standard_error(1.2, 10, 4, 0),
        lambda: standard_error(0.5, 10, 4, -0.1),
        lambda: standard_error(0.5, 0, 4, 0),
        lambda: prompts_needed(0, 0.5, 4, 0, 0),
        lambda: half_width(1.0, 1.0),
    ],
)
def test_nonsense_is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(UserError):
        call()
