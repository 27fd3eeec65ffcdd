"""Verdicts by hand-computed intervals, and by how often they are wrong of simulated papers."""

from __future__ import annotations

from math import hypot, nan, sqrt

import numpy as np
import pytest

from spatialbench.recipes.measured import Number
from spatialbench.recipes.values import Value
from spatialbench.recipes.verdicts import claim_verdict, compared


def held(
    value: float,
    low: float,
    high: float,
    published: Value | float,
    *,
    ratio: float = 1.0,
    rounding: float = 0.0,
    margin: float = 3.0,
) -> tuple[float, float, str]:
    value_of = published if isinstance(published, Value) else Value(value=published)
    found = compared(Number(value, low, high), value_of, rounding, ratio, margin)
    assert found is not None
    return found.low, found.high, found.verdict


def test_the_interval_of_a_difference_by_hand() -> None:
    low, high, verdict = held(50, 47, 54, 48, ratio=0.25, rounding=0.05)
    # 3 below and 4 above here, half of that there; the published one's other side counts.
    assert low == pytest.approx(2 - hypot(3, 2) - 0.05)
    assert high == pytest.approx(2 + hypot(4, 1.5) + 0.05)
    assert verdict == "cannot tell"
    own = Value.model_validate({"value": 48, "low": 47, "high": 50})
    low, high, _ = held(50, 47, 54, own, ratio=0.25)
    assert [low, high] == pytest.approx([2 - hypot(3, 2), 2 + hypot(4, 1)])


@pytest.mark.parametrize(
    ("value", "half", "published", "verdict"),
    [
        (62.0, 0.5, 62.5, "agrees"),
        (62.0, 0.5, 64.0, "agrees"),  # excludes 0, and lies within the margin
        (62.0, 0.5, 65.0, "differs"),
        (62.0, 4.0, 62.0, "cannot tell"),  # equal, and too few images to say so
        (62.0, 4.0, 80.0, "differs"),
        (62.0, 2.0, 65.5, "differs"),
        (62.0, 2.0, 60.0, "cannot tell"),
    ],
)
def test_what_each_verdict_is(value: float, half: float, published: float, verdict: str) -> None:
    assert held(value, value - half, value + half, published, ratio=0.1)[2] == verdict


def test_rounding_is_no_difference() -> None:
    """A paper that prints 62 may have measured 61.6."""
    assert held(61.6, 61.5, 61.7, 62, rounding=0.5, margin=0.3, ratio=0.0)[2] == "cannot tell"
    assert held(61.6, 61.5, 61.7, 62, rounding=0.005, margin=0.3, ratio=0.0)[2] == "differs"


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert compared(Number(nan), Value(value=50), 0, 1, 3) is None
    found = compared(Number(50.0), Value(value=50), 0, 1, 3)
    assert found is not None
    assert found.verdict == "cannot tell"
    assert found.low != found.low


def test_a_paper_that_is_right_is_seldom_contradicted_and_one_that_is_not_never_agrees() -> None:
    """Shares near 60 % of 500 prompts here and 2,000 there, 4 alike images each."""
    rng = np.random.default_rng(0)
    here, there, trials = 500, 2000, 4000
    wrong = agreed = 0
    for _ in range(trials):
        a, b = rng.binomial(here, 0.6) / here * 100, rng.binomial(there, 0.6) / there * 100
        half = 1.96 * sqrt(a * (100 - a) / here)
        wrong += held(a, a - half, a + half, b, ratio=here / there)[2] == "differs"
        c = rng.binomial(there, 0.64) / there * 100  # 4 points off: beyond the margin
        agreed += held(a, a - half, a + half, c, ratio=here / there)[2] == "agrees"
    assert wrong / trials == pytest.approx(0.05, abs=0.012)
    assert agreed / trials < 0.025


@pytest.mark.parametrize(
    ("low", "high", "larger", "verdict"),
    [
        (0.1, 5, True, "holds"),
        (-5, -0.1, True, "contradicted"),
        (-0.1, 5, True, "cannot tell"),
        (0.1, 5, False, "contradicted"),
        (-5, -0.1, False, "holds"),
        (nan, nan, True, "cannot tell"),
        (0.0, 0.0, True, "cannot tell"),
    ],
)
def test_claims(low: float, high: float, larger: bool, verdict: str) -> None:
    assert claim_verdict(low, high, larger) == verdict
