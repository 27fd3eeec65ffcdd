"""visor-centroid/1: hand-computed cases, symmetries, and the fast path against the plain one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.visor.prompts import prompts
from spatialbench.benchmarks.visor.rule import CentroidRule
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict
from spatialbench.plugins.evidence import Evidence
from spatialbench.plugins.records import BoxRecord
from spatialbench.prompts import Prompt

RULE = CentroidRule()
DOG_CAT = {p.task: p for p in prompts("all") if p.objects == ("dog", "cat")}
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
TENTH = float(np.float32(0.1))
ABOVE_TENTH = float(np.nextafter(np.float32(0.1), np.float32(1)))


def judged(prompt: Prompt, content: dict[str, Any], threshold: float) -> Verdict:
    return RULE.judge_evidence(prompt, Evidence(prompt, record=BoxRecord(content)), threshold)


def box(x: float, y: float, half: float = 10.0) -> list[float]:
    return [x - half, y - half, x + half, y + half]


def record(*found: tuple[str, list[float], float]) -> dict[str, Any]:
    return {
        "width": 512,
        "height": 512,
        "boxes": [corners for _, corners, _ in found],
        "scores": [score for _, _, score in found],
        "labels": [label for label, _, _ in found],
    }


def judge(task: str, *found: tuple[str, list[float], float], threshold: float = 0.1) -> Verdict:
    verdict = RULE.judge(DOG_CAT[task], Detections.from_record(record(*found)), threshold)
    assert judged(DOG_CAT[task], record(*found), threshold) == verdict
    return verdict


@pytest.mark.parametrize("task", ["left", "right", "above", "below"])
def test_equal_centres_satisfy_nothing(task: str) -> None:
    verdict = judge(task, ("dog", box(50, 50), 0.9), ("cat", box(50, 50, 30), 0.9))
    assert not verdict.correct
    assert verdict.facts["found_a"]
    assert verdict.facts["found_b"]
    assert "is level with cat (0.90) in" in verdict.reason


@pytest.mark.parametrize("task", ["left", "right"])
def test_any_pair_counts(task: str) -> None:
    found = [("dog", box(50, 50), 0.9), ("dog", box(250, 50), 0.3), ("cat", box(150, 50), 0.8)]
    verdict = judge(task, *found)
    assert verdict.correct
    assert verdict.score == 1.0
    assert verdict.facts["n_a"] == 2
    # The dog that is on the asked side is the one the sentence names.
    assert verdict.reason == (
        f"expected dog {task} of cat; dog ({0.9 if task == 'left' else 0.3:.2f}) "
        f"is {task} of cat (0.80)"
    )


def test_image_y_points_down() -> None:
    high, low = ("dog", box(50, 40), 0.9), ("cat", box(50, 60), 0.9)
    assert judge("above", high, low).correct
    assert not judge("below", high, low).correct


def test_touching_boxes_are_left_of() -> None:
    assert judge("left", ("dog", [0, 0, 100, 50], 0.5), ("cat", [100, 0, 200, 50], 0.5)).correct


def test_centres_are_taken_in_double_precision() -> None:
    # In float32 the two sums of corners round to the same number.
    dog = [0.0, 0.0, 16777216.0, 1.0]
    cat = [1.0, 0.0, 16777216.0, 1.0]
    assert judge("left", ("dog", dog, 0.9), ("cat", cat, 0.9)).correct


@pytest.mark.parametrize(
    ("score", "kept"), [(TENTH, False), (0.1, False), (ABOVE_TENTH, True), (0.100000002, False)]
)
def test_threshold_is_strict_in_float32(score: float, kept: bool) -> None:
    verdict = judge("left", ("dog", box(10, 10), score), ("cat", box(90, 10), 0.9))
    assert verdict.facts["found_a"] is kept
    assert verdict.correct is kept
    assert verdict.facts["conf_a"] == float(np.float32(score))


def test_reasons() -> None:
    dog, cat = ("dog", box(90, 10), 0.91), ("cat", box(10, 10), 0.88)
    assert judge("left", dog, cat).reason == (
        "expected dog left of cat; dog (0.91) is right of cat (0.88)"
    )
    assert judge("left", dog).reason == "expected dog left of cat; no cat found above 0.1"
    assert judge("below", threshold=0.25).reason == (
        "expected dog below cat; no dog and no cat found above 0.25"
    )


def test_prompts_without_a_relation_are_never_correct() -> None:
    verdict = judge("and", ("dog", box(10, 10), 0.9), ("cat", box(90, 10), 0.9))
    assert (verdict.correct, verdict.score) == (False, 0.0)
    assert verdict.facts["found_a"]
    assert verdict.facts["found_b"]
    single = prompts("single")[0]
    seen = judged(single, record(("person", box(10, 10), 0.9)), 0.1)
    assert (seen.correct, seen.facts["found_a"], seen.facts["found_b"]) == (False, True, False)


def test_other_labels_count_for_nothing() -> None:
    verdict = judge("left", ("dog", box(10, 10), 0.9), ("bear", box(90, 10), 0.9))
    assert not verdict.facts["found_b"]


@pytest.mark.parametrize(
    "damage",
    [
        {"scores": [float("nan")]},
        {"boxes": [[0, 0, float("inf"), 1]]},
        {"boxes": [[0, 0, 1e39, 1]]},
        {"boxes": [[0, 0, 1]]},
        {"boxes": [[0, 0, 1, 2], [0, 0, 1, 2]]},
        {"labels": []},
        {"scores": ["high"]},
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_broken_detections_are_an_error_not_a_zero(damage: dict[str, Any]) -> None:
    broken = record(("dog", box(10, 10), 0.9)) | damage
    with pytest.raises(UserError):
        judged(DOG_CAT["left"], broken, 0.1)


coordinates = st.integers(0, 128).map(lambda n: n / 2)
boxes = st.tuples(coordinates, coordinates, coordinates, coordinates).map(
    lambda c: [min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])]
)
scores = st.one_of(
    st.sampled_from([TENTH, ABOVE_TENTH, 0.1]), st.floats(0, 1), st.floats(0, 1, width=32)
)
images = st.lists(st.tuples(st.sampled_from(["dog", "cat", "bear"]), boxes, scores), max_size=7)
spatial = st.sampled_from(sorted(OPPOSITE))


@given(st.sampled_from(sorted(DOG_CAT)), images, st.sampled_from([0.1, 0.3, 0.0]))
def test_the_fast_path_is_the_plain_one(task: str, found: Any, threshold: float) -> None:
    plain = judge(task, *found, threshold=threshold)
    stored = json.loads(json.dumps(Detections.from_record(record(*found)).to_record()))
    assert judged(DOG_CAT[task], stored, threshold) == plain


@given(spatial, images)
def test_against_every_pair_in_turn(task: str, found: Any) -> None:
    """The definition, written as a double loop over float32 arrays."""
    kept = Detections.from_record(record(*found)).above(0.1)
    centres = (kept.boxes[:, :2].astype(float) + kept.boxes[:, 2:].astype(float)) / 2
    holds: Callable[[Any, Any], Any] = {
        "left": lambda a, b: a[0] < b[0],
        "right": lambda a, b: a[0] > b[0],
        "above": lambda a, b: a[1] < b[1],
        "below": lambda a, b: a[1] > b[1],
    }[task]
    expected = any(
        holds(a, b)
        for a, name_a in zip(centres, kept.labels, strict=True)
        for b, name_b in zip(centres, kept.labels, strict=True)
        if (name_a, name_b) == ("dog", "cat")
    )
    assert judge(task, *found).correct == expected


@given(spatial, images)
def test_a_mirror_image_swaps_the_relation_of_its_axis(task: str, found: Any) -> None:
    def mirrored(corners: list[float]) -> list[float]:
        x0, y0, x1, y1 = corners
        if task in {"left", "right"}:
            return [64 - x1, y0, 64 - x0, y1]
        return [x0, 64 - y1, x1, 64 - y0]

    flipped = [(label, mirrored(corners), score) for label, corners, score in found]
    assert judge(OPPOSITE[task], *flipped).correct == judge(task, *found).correct


@given(spatial, images)
def test_swapping_the_objects_swaps_the_relation(task: str, found: Any) -> None:
    prompt: Prompt = DOG_CAT[OPPOSITE[task]]
    names = {"dog": "cat", "cat": "dog"}
    swapped = [(names.get(label, label), corners, score) for label, corners, score in found]
    assert judge(prompt.task, *swapped).correct == judge(task, *found).correct


@given(spatial, images, st.integers(-64, 64), st.integers(-64, 64))
def test_moving_the_image_changes_nothing(task: str, found: Any, dx: int, dy: int) -> None:
    moved = [
        (label, [c[0] + dx, c[1] + dy, c[2] + dx, c[3] + dy], score) for label, c, score in found
    ]
    assert judge(task, *moved) == judge(task, *found)


@pytest.mark.parametrize("order", [1, -1])
def test_conf_is_of_the_best_box_even_where_none_counts(order: int) -> None:
    """0.08 of two boxes below the threshold of 0.1: found nothing, and that is how nearly."""
    dogs = [("dog", box(10, 10), 0.05), ("dog", box(30, 10), 0.08)][::order]
    facts = judge("left", *dogs, ("cat", box(90, 10), 0.9)).facts
    assert (facts["found_a"], facts["n_a"]) == (False, 0)
    assert facts["conf_a"] == float(np.float32(0.08))
    assert judge("left", ("cat", box(90, 10), 0.9)).facts["conf_a"] == 0.0
    cats = [("cat", box(10, 10), 0.05), ("cat", box(30, 10), 0.08)][::order]
    facts = judge("left", *cats, ("dog", box(90, 10), 0.9)).facts
    assert (facts["found_b"], facts["n_b"]) == (False, 0)
    assert facts["conf_b"] == float(np.float32(0.08))
