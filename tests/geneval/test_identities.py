"""GenEval's overall score is the mean of its tasks, in our numbers and in printed ones."""

from __future__ import annotations

from math import nan

from spatialbench.benchmarks.geneval.metrics import violations

TASKS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
SD15 = dict(zip(TASKS, (97.0, 38.0, 35.0, 76.0, 4.0, 6.0), strict=True))


def test_shares_of_two_digits() -> None:
    """SD 1.5 of the official README: 42.67 printed as 0.43."""
    assert violations({**SD15, "overall": 43.0}, 0.005) == []
    assert violations({**SD15, "overall": 45.0}, 0.005) == [
        "the mean of the six tasks is 42.67, not 45"
    ]


def test_exact_numbers() -> None:
    exact = {**SD15, "overall": sum(SD15.values()) / 6}
    assert violations(exact, 1e-7) == []
    assert violations({**exact, "overall": 42.7}, 1e-7)


def test_missing_cells_say_nothing() -> None:
    assert violations({"overall": 95.0, "position": 99.0}, 0.005) == []
    assert violations({**SD15, "overall": nan}, 0.005) == []
