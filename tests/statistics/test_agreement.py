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
