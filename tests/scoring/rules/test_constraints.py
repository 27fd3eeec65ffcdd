"""The two readings of tau: symmetries, monotony, strict within soft, and cases worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.errors import UserError
from spatialbench.relations import Relation
from spatialbench.scoring.rules.constraints import (
    PLANE,
    Constraint,
    Form,
    depth_holds,
    plane_holds,
    soft,
    strict,
)

WIDTH = 128
side = st.integers(0, WIDTH)
# Whole numbers, so that mirroring is exact and ties occur often.
box = st.tuples(side, side, side, side).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
boxes = st.lists(box, min_size=0, max_size=4)
forms: st.SearchStrategy[Form] = st.sampled_from(["r1", "r2"])
plane = st.sampled_from(sorted(PLANE))
taus = st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 17.0])


def mirrored(which: list[list[int]]) -> list[list[int]]:
    return [[WIDTH - x1, y0, WIDTH - x0, y1] for x0, y0, x1, y1 in which]


def transposed(which: list[list[int]]) -> list[list[int]]:
    return [[y0, x0, y1, x1] for x0, y0, x1, y1 in which]


@given(plane, boxes, boxes, forms, taus)
def test_exchanging_the_objects_is_the_inverse_relation(
    relation: Relation, a: Any, b: Any, form: Form, tau: float
) -> None:
    constraint = Constraint(form, tau)
    forward = plane_holds(relation, a, b, constraint)
    assert forward.shape == (len(a), len(b))
    np.testing.assert_array_equal(forward, plane_holds(relation.inverse, b, a, constraint).T)


@given(boxes, boxes, forms, taus)
def test_mirror_and_transposition(a: Any, b: Any, form: Form, tau: float) -> None:
    constraint = Constraint(form, tau)
    left = plane_holds(Relation.LEFT, a, b, constraint)
    above = plane_holds(Relation.ABOVE, a, b, constraint)
    mirrored_pair = mirrored(a), mirrored(b)
    np.testing.assert_array_equal(left, plane_holds(Relation.RIGHT, *mirrored_pair, constraint))
    np.testing.assert_array_equal(above, plane_holds(Relation.ABOVE, *mirrored_pair, constraint))
    turned = transposed(a), transposed(b)
    np.testing.assert_array_equal(above, plane_holds(Relation.LEFT, *turned, constraint))


@given(plane, boxes, boxes, forms, taus)
def test_strict_is_within_soft_and_opposites_exclude_each_other(
    relation: Relation, a: Any, b: Any, form: Form, tau: float
) -> None:
    holds = plane_holds(relation, a, b, Constraint(form, tau))
    assert strict(holds) <= soft(holds)
    if holds.shape == (1, 1):
        assert strict(holds) == soft(holds)
    if not holds.size:
        assert not soft(holds)
        assert not strict(holds)
    assert not (holds & plane_holds(relation.inverse, a, b, Constraint(form, tau))).any()


@given(plane, boxes, boxes, st.tuples(taus, taus).map(sorted))
def test_a_larger_tau_makes_r1_stricter_and_r2_looser(
    relation: Relation, a: Any, b: Any, pair: list[float]
) -> None:
    low, high = pair
    assert (
        plane_holds(relation, a, b, Constraint("r1", high))
        <= plane_holds(relation, a, b, Constraint("r1", low))
    ).all()
    assert (
        plane_holds(relation, a, b, Constraint("r2", low))
        <= plane_holds(relation, a, b, Constraint("r2", high))
    ).all()


@pytest.mark.parametrize(
    ("a", "b", "r1", "r2"),
    [
        # Side by side, apart: both.
        ([0, 0, 30, 30], [60, 0, 90, 30], True, True),
        # A third of the width shared: just allowed; a pixel more is not.
        ([0, 0, 30, 30], [20, 0, 50, 30], True, True),
        ([0, 0, 30, 30], [19, 0, 49, 30], False, True),
        # A third of the width apart: just enough for r2; a pixel less is not.
        ([0, 0, 30, 30], [10, 0, 40, 30], False, True),
        ([0, 0, 30, 30], [9, 0, 39, 30], False, False),
        # Diagonal, no overlap on either axis: r1 grants both axes; r2 looks at the height.
        ([0, 0, 30, 30], [60, 60, 90, 90], True, False),
        # Mainly below: overlap in x of a third, and in y of none, still allows both axes in r1.
        ([0, 0, 30, 30], [20, 90, 50, 120], True, False),
        # One pixel-wide object above the other: not left.
        ([0, 0, 30, 30], [1, 60, 31, 90], False, False),
        # Touching edges: no overlap, and centres a whole width apart.
        ([0, 0, 30, 30], [30, 0, 60, 30], True, True),
        # Equal centres in x and nothing shared in y: a tie is on no side.
        ([0, 0, 30, 30], [5, 60, 25, 90], False, False),
        # Half a pixel is a side; the overlap is what r1 refuses, the offset what r2 does.
        ([0, 0, 1, 30], [1, 0, 3, 30], True, True),
        # Shares above a third, equal on both axes: the tie does not save it.
        ([0, 0, 30, 30], [15, 15, 45, 45], False, True),
        # A height of the taller one apart across the axis is just near enough for r2; more is not.
        ([0, 0, 30, 30], [60, 30, 90, 60], True, True),
        ([0, 0, 30, 30], [60, 31, 90, 61], True, False),
        # The same box is on no side of itself, whatever its size.
        ([10, 10, 10, 10], [10, 10, 10, 10], False, False),
    ],
)
def test_left_by_hand(a: list[int], b: list[int], r1: bool, r2: bool) -> None:
    assert bool(plane_holds(Relation.LEFT, [a], [b], Constraint("r1"))[0, 0]) is r1
    assert bool(plane_holds(Relation.LEFT, [a], [b], Constraint("r2"))[0, 0]) is r2


def test_a_copy_on_the_other_side_is_soft_and_not_strict() -> None:
    dogs, cat = [[0, 0, 20, 20], [100, 0, 120, 20]], [[50, 0, 70, 20]]
    for form in ("r1", "r2"):
        holds = plane_holds(Relation.LEFT, dogs, cat, Constraint(form))
        assert holds.tolist() == [[True], [False]]
        assert soft(holds)
        assert not strict(holds)


def test_depth_needs_the_margin_and_knows_what_it_does_not_know() -> None:
    near = [0.8, 0.5, np.nan]
    far = [0.5, 0.45]
    front = depth_holds(Relation.IN_FRONT, near, far, 0.05)
    assert front.tolist() == [[True, True], [False, False], [False, False]]
    np.testing.assert_array_equal(front.T, depth_holds(Relation.BEHIND, far, near, 0.05))
    assert depth_holds(Relation.IN_FRONT, [0.5], [0.45], 0.04).all()


@pytest.mark.parametrize(("nearness", "holds"), [(0.75, False), (0.7500001, True), (0.7, False)])
def test_a_difference_of_just_the_margin_does_not_exceed_it(nearness: float, holds: bool) -> None:
    # Quarters are exact in binary.
    assert bool(depth_holds(Relation.IN_FRONT, [nearness], [0.5], 0.25)[0, 0]) is holds


def test_an_overlap_of_just_a_third_and_equal_overlaps_count_as_little() -> None:
    """With tau = 2 the limit is one half, exact in binary; both axes share just that much."""
    half = Constraint("r1", 2.0)
    assert plane_holds(Relation.LEFT, [[0, 0, 30, 30]], [[15, 15, 45, 45]], half).all()
    assert plane_holds(Relation.ABOVE, [[0, 0, 30, 30]], [[15, 15, 45, 45]], half).all()
    # 16 of 30 pixels are more than one half, on either axis.
    assert not plane_holds(Relation.LEFT, [[0, 0, 30, 30]], [[14, 0, 44, 30]], half).any()
    # With tau below 1 every overlap is within the limit, so that the axis with less decides
    # nothing, and only the offset's sign is left.
    loose = Constraint("r1", 0.5)
    assert plane_holds(Relation.LEFT, [[0, 0, 30, 30]], [[1, 0, 31, 30]], loose).all()
    assert not plane_holds(Relation.LEFT, [[0, 0, 30, 30]], [[0, 0, 30, 30]], loose).any()


UNKNOWN: Any = "r3"


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        (Constraint(UNKNOWN), "unknown form .* did you mean r2 or r1"),
        (Constraint("r1", 0.0), "tau=0 is out of range"),
        (Constraint("r2", float("nan")), "tau=nan"),
        (Constraint("r1", 3.0, 1.0), "margin=1 is out of range"),
        (Constraint("r1", 3.0, -0.1), "margin=-0.1"),
    ],
)
def test_settings_out_of_range(constraint: Constraint, message: str) -> None:
    with pytest.raises(UserError, match=message):
        constraint.checked()


def test_what_is_no_box_or_no_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        plane_holds(Relation.LEFT, [[0, 0, 1]], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="not finite"):
        plane_holds(Relation.LEFT, [[0, 0, np.nan, 1]], [[0, 0, 1, 1]])
    for relation in (Relation.NEAR, Relation.IN_FRONT):
        with pytest.raises(ValueError, match="not a relation in the plane"):
            plane_holds(relation, [[0, 0, 1, 1]], [[0, 0, 1, 1]])
    with pytest.raises(ValueError, match="not a relation of depth"):
        depth_holds(Relation.LEFT, [0.1], [0.2])
