"""What no detector can have found is refused, by the quick look and by the arrays alike."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench import detections
from spatialbench.detections import Detections, check_record
from spatialbench.errors import UserError


def record(box: list[float], score: float = 0.5, size: tuple[int, int] = (200, 100)) -> Any:
    return {
        "width": size[0],
        "height": size[1],
        "boxes": [[1, 1, 9, 9], box],
        "scores": [0.9, score],
        "labels": ["dog", "cat"],
    }


@pytest.mark.parametrize("score", [0.0, 0.1, 1.0])
def test_scores_that_are_shares(score: float) -> None:
    check_record(record([0, 0, 10, 10], score))


@pytest.mark.parametrize("score", [-0.001, -1, 1.001, 7.0, 85.0])
def test_scores_that_are_not(score: float) -> None:
    with pytest.raises(
        UserError, match=f"of 'cat' has the score {score:g}: expected scores from 0"
    ):
        check_record(record([0, 0, 10, 10], score))


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_scores_that_are_no_numbers(score: float) -> None:
    with pytest.raises(UserError, match="NaN or infinite"):
        check_record(record([0, 0, 10, 10], score))


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 200, 100],
        [5, 5, 5, 5],
        [5, 5, 4.995, 9],
        [-100, -100, 300, 300],
        # A detector that pads to a square finds things in the padding.
        [20, 120, 90, 199],
        [-40, 10, -10, 20],
        [210, 10, 215, 20],
    ],
)
def test_boxes_that_a_detector_can_find(box: list[float]) -> None:
    check_record(record(box))


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([10, 5, 4, 9], "ends before it begins"),
        ([4, 9, 10, 5], "ends before it begins"),
        ([5, 5, 4.98, 9], "ends before it begins"),
        ([-101, 0, 10, 10], "outside the image of 200 x 100"),
        ([0, 0, 301, 10], "outside the image"),
        ([0, 0, 10, 301], "outside the image"),
        ([-40, 10, -10.1, 20], "outside the image"),
        ([210.1, 10, 215, 20], "outside the image"),
        ([0, 211, 10, 215], "outside the image"),
    ],
)
def test_boxes_that_none_can(box: list[float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_record(record(box))


def test_a_case_for_a_rule_may_lie_anywhere() -> None:
    check_record(record([900, 900, 950, 950]), anywhere=True)
    with pytest.raises(UserError, match="ends before"):
        check_record(record([900, 900, 850, 950]), anywhere=True)
    with pytest.raises(UserError, match="score 2"):
        check_record(record([900, 900, 950, 950], 2.0), anywhere=True)


numbers = st.one_of(st.floats(-400, 400, width=32), st.sampled_from([-100, 0, 210, 300, 301]))


@given(
    st.lists(numbers, min_size=4, max_size=4),
    st.floats(-0.5, 1.5, width=32),
    st.booleans(),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_the_quick_look_lets_nothing_through(
    box: list[float], score: float, anywhere: bool, size: tuple[int, int]
) -> None:
    given_record = record(box, score, size)
    quick = detections._plainly_sound(given_record, anywhere)
    sound = False
    with suppress(UserError):
        Detections.from_record(given_record).require_sound(anywhere)
        sound = True
    assert sound or not quick


@pytest.mark.parametrize(
    "broken",
    [{"boxes": [[1, 2, 3]]}, {"scores": [0.5]}, {"labels": "dogs"}, {"width": 0}, {"boxes": None}],
)
def test_malformed_records_are_still_said(broken: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        check_record(record([0, 0, 10, 10]) | broken)


def test_nothing_found_is_sound() -> None:
    Detections.build(np.empty((0, 4)), [], (), 10, 10).require_sound()
