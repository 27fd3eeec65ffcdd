"""PSE: complementary, mirrored, and equal to counting every pair of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.detections import Detections
from spatialbench.prompts import Prompt, Triplet
from spatialbench.relations import Relation
from spatialbench.scoring.rules.constraints import DEPTH, PLANE
from spatialbench.scoring.rules.superiority import (
    superiority,
    superiority_of_boxes,
)
from spatialbench.scoring.rules.superiority_rule import SuperiorityRule

plane = st.sampled_from(sorted(PLANE))
values = st.lists(st.integers(0, 9), min_size=1, max_size=12)
side = st.integers(0, 64)
box = st.tuples(side, side, side, side).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)


@given(st.sampled_from(sorted(PLANE | DEPTH)), values, values)
def test_both_directions_add_up_to_one(relation: Relation, a: list[int], b: list[int]) -> None:
    assert superiority(relation, a, b) + superiority(relation, b, a) == pytest.approx(1, abs=1e-15)
    assert superiority(relation, a, b) == superiority(relation.inverse, b, a)


@given(values, values)
def test_it_is_the_share_of_pairs(a: list[int], b: list[int]) -> None:
    pairs = [(x < y) + 0.5 * (x == y) for x in a for y in b]
    assert superiority(Relation.LEFT, a, b) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert superiority(Relation.BEHIND, a, b) == pytest.approx(np.mean(pairs), abs=1e-12)


@given(plane, box, box)
def test_boxes_add_up_to_one_and_lie_in_range(relation: Relation, a: Any, b: Any) -> None:
    one, other = superiority_of_boxes(relation, a, b), superiority_of_boxes(relation, b, a)
    assert one + other == pytest.approx(1, abs=1e-12)
    assert 0 <= one <= 1
    assert superiority_of_boxes(relation.inverse, b, a) == one


@given(box, box)
def test_boxes_mirror(a: Any, b: Any) -> None:
    def mirror(c: Any) -> Any:
        return [64 - c[2], c[1], 64 - c[0], c[3]]

    assert superiority_of_boxes(Relation.LEFT, a, b) == pytest.approx(
        superiority_of_boxes(Relation.RIGHT, mirror(a), mirror(b)), abs=1e-12
    )


def test_by_hand() -> None:
    left, right = [0.0, 0, 10, 10], [20.0, 0, 30, 10]
    assert superiority_of_boxes(Relation.LEFT, left, right) == 1
    assert superiority_of_boxes(Relation.RIGHT, left, right) == 0
    assert superiority_of_boxes(Relation.ABOVE, left, right) == 0.5
    # X on [0, 2], Y on [1, 3]: only the unit square where both lie in [1, 2] can go wrong.
    assert superiority_of_boxes(Relation.LEFT, [0, 0, 2, 1], [1, 0, 3, 1]) == pytest.approx(7 / 8)
    assert superiority(Relation.IN_FRONT, [0.9, 0.2], [0.5]) == 0.5


@pytest.mark.parametrize(
    ("second", "pse", "correct"),
    [
        # Same columns: as many pixels of the one are left as right of the other.
        ([10, 60, 30, 80], 0.5, False),
        # Shifted by one of 20 pixels: 1 - (19/20)^2 / 2 of the pairs.
        ([11, 60, 31, 80], 1 - 0.95**2 / 2, True),
        ([9, 60, 29, 80], 0.95**2 / 2, False),
    ],
)
def test_one_half_is_not_more_often_than_not(second: list[int], pse: float, correct: bool) -> None:
    boxes = np.array([[10, 0, 30, 20], second], dtype=np.float32)
    scores = np.array([0.9, 0.8], dtype=np.float32)
    detections = Detections.build(boxes, scores, ["dog", "cat"], 100, 100)
    triplet = Triplet("dog", Relation.LEFT, "cat")
    prompt = Prompt("1", "a dog to the left of a cat", "left", triplet, ("dog", "cat"))
    verdict = SuperiorityRule("pse/1", 0.1).judge(prompt, detections, 0.1)
    assert verdict.score == pytest.approx(pse, abs=1e-12)
    assert verdict.correct is correct


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no direction"):
        superiority(Relation.NEAR, [1], [2])
    with pytest.raises(ValueError, match="without a pixel"):
        superiority(Relation.LEFT, [], [2])
    with pytest.raises(ValueError, match="not a relation in the plane"):
        superiority_of_boxes(Relation.IN_FRONT, [0, 0, 1, 1], [0, 0, 1, 1])
