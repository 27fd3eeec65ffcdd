"""The best of a column, and who is tied with it."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from spatialbench.reports.competition import Candidate, best_of


def test_by_hand() -> None:
    column = [
        Candidate(60, 58, 62),
        Candidate(61, 59.5, 62.5),
        Candidate(50, 48, 52),
        Candidate(59.6),
        Candidate(59.4),
        Candidate(70, 69, 71, eligible=False),
        Candidate(nan),
    ]
    assert best_of(column) == {0, 1, 3}


def test_the_best_of_one_says_nothing() -> None:
    assert best_of([Candidate(60), Candidate(70, eligible=False), Candidate(nan)]) == set()
    assert best_of([]) == set()


@given(st.lists(st.integers(0, 20), min_size=2, max_size=8))
def test_points_tie_only_when_equal(values: list[int]) -> None:
    found = best_of([Candidate(value) for value in values])
    assert found == {i for i, value in enumerate(values) if value == max(values)}
