"""Constraints on detections: thresholds, names, several relations, depth and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.prompts import Prompt, Triplet, asked_triplets
from spatialbench.relations import Relation
from spatialbench.scoring.rules.constraints import JUDGED, Constraint
from spatialbench.scoring.rules.relation_checks import check_relations

LEFT = Triplet("dog", Relation.LEFT, "cat")
DOG, CAT = [0.0, 0, 20, 20], [50.0, 0, 70, 20]


def detections(*found: tuple[str, list[float], float]) -> Detections:
    names, boxes, scores = zip(*found, strict=True) if found else ((), (), ())
    return Detections.build(boxes, scores, names, 128, 128)


def test_found_and_placed() -> None:
    (check,) = check_relations([LEFT], detections(("dog", DOG, 0.9), ("cat", CAT, 0.8)), 0.1)
    assert (check.found, check.soft, check.strict, check.pairs) == (True, True, True, 1)
    assert check.reason == (
        "expected dog left of cat; dog (0.90) and cat (0.80) found, the relation holds"
    )


def test_a_copy_elsewhere_fails_strictly_unless_it_is_below_the_threshold() -> None:
    copy = ("dog", [100.0, 0, 120, 20], 0.2)
    found = detections(copy, ("dog", DOG, 0.9), ("cat", CAT, 0.8))
    (check,) = check_relations([LEFT], found, 0.1)
    assert (check.soft, check.strict, check.pairs) == (True, False, 1)
    assert check.reason.endswith(
        "dog (0.90) and cat (0.80) found, the relation holds for 1 of 2 pairs"
    )
    (check,) = check_relations([LEFT], found, 0.2)
    assert check.strict, "a score must exceed the threshold as float32"


def test_a_missing_object_fails_both_ways() -> None:
    (check,) = check_relations([LEFT], detections(("dog", DOG, 0.9)), 0.1)
    assert (check.found, check.soft, check.strict) == (False, False, False)
    assert check.reason == "expected dog left of cat; no cat found"
    (check,) = check_relations([LEFT], detections(), 0.1)
    assert check.reason.endswith("no dog and no cat found")


def test_labels_that_mean_a_name() -> None:
    found = detections(("puppy", DOG, 0.9), ("cat", CAT, 0.8))

    def stands_for(label: str, name: str) -> bool:
        return {"puppy": "dog"}.get(label, label) == name

    assert check_relations([LEFT], found, 0.1, stands_for=stands_for)[0].strict
    assert not check_relations([LEFT], found, 0.1)[0].found


def test_several_relations_of_one_prompt() -> None:
    several = (LEFT, Triplet("cat", Relation.ABOVE, "dog"))
    prompt = Prompt("0", "a dog ... and ...", "two", LEFT, facts={"triplets": several})
    assert asked_triplets(prompt) == several
    assert asked_triplets(Prompt("1", "a dog left of a cat", "left", LEFT)) == (LEFT,)
    assert asked_triplets(Prompt("2", "a dog", "single")) == ()
    found = detections(("dog", DOG, 0.9), ("cat", CAT, 0.8))
    assert [check.strict for check in check_relations(several, found, 0.1)] == [True, False]


def test_depth_is_read_once_it_is_needed_and_masks_follow_their_boxes() -> None:
    front = Triplet("dog", Relation.IN_FRONT, "cat")
    depth = np.full((128, 128), 0.2, dtype=np.float32)
    depth[30:60, 30:60] = 0.9

    def never() -> Any:
        raise AssertionError("no object, no depth")

    assert not check_relations([front], detections(("dog", DOG, 0.9)), 0.1, depth=never)[0].soft
    found = detections(
        ("bird", DOG, 0.05), ("cat", [20.0, 20, 70, 70], 0.8), ("dog", [30.0, 30, 60, 60], 0.9)
    )
    assert check_relations([front], found, 0.1, depth=lambda: depth)[0].strict
    # The mask of the third box says that the dog is what lies behind.
    masks = [None, depth > 0.5, depth < 0.5]
    assert not check_relations([front], found, 0.1, depth=depth, masks=masks)[0].soft
    with pytest.raises(ValueError, match="depth map"):
        check_relations([front], found, 0.1)


def test_what_the_constraints_do_not_speak_of() -> None:
    with pytest.raises(ValueError, match="say nothing of 'near'"):
        check_relations([Triplet("dog", Relation.NEAR, "cat")], detections(), 0.1)
    with pytest.raises(UserError, match="tau=-1"):
        check_relations([LEFT], detections(), 0.1, Constraint(tau=-1))


corner = st.integers(0, 64)
box = st.tuples(corner, corner, corner, corner).map(
    lambda c: [
        float(v) for v in (min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
    ]
)
one = st.tuples(st.sampled_from(["dog", "cat"]), box, st.sampled_from([0.05, 0.3, 0.9]))


@given(st.lists(one, max_size=6), st.sampled_from(sorted(JUDGED)), st.sampled_from(["r1", "r2"]))
def test_strict_never_without_soft_and_one_of_each_makes_them_equal(
    found: list[Any], relation: Relation, form: Any
) -> None:
    depth = np.linspace(0, 1, 128 * 128, dtype=np.float32).reshape(128, 128)
    triplet = Triplet("dog", relation, "cat")
    (check,) = check_relations([triplet], detections(*found), 0.1, Constraint(form), depth=depth)
    assert check.strict <= check.soft <= check.found
    if len(check.subject) == len(check.object) == 1:
        assert check.strict == check.soft
    swapped = Triplet("cat", relation.inverse, "dog")
    (other,) = check_relations([swapped], detections(*found), 0.1, Constraint(form), depth=depth)
    assert (other.soft, other.strict, other.pairs) == (check.soft, check.strict, check.pairs)
