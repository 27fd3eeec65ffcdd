"""Conditions one by one, on images made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.geneval.boxes import kept, relations
from spatialbench.benchmarks.geneval.prompts import prompt_of, prompts
from spatialbench.benchmarks.geneval.rule import GenEvalRule
from spatialbench.benchmarks.geneval.tie_order import argsort
from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Verdict

Image = Callable[..., Detections]

LEFT, RIGHT = (0, 0, 100, 100), (200, 0, 300, 100)


def judge(metadata: dict[str, Any], detections: Detections, threshold: float = 0.3) -> Verdict:
    rule = GenEvalRule()
    return rule.judge(prompt_of("x", metadata), detections, threshold)


def ask(tag: str, *include: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"tag": tag, "include": list(include), **more, "prompt": "a photo"}


DOG_LEFT_OF_CAT = ask(
    "position",
    {"class": "cat", "count": 1},
    {"class": "dog", "count": 1, "position": ["left of", 0]},
)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 100, 100), (100, 0, 200, 100), ["left of"]),
        ((0, 0, 100, 100), (40, 0, 140, 100), []),
        ((0, 0, 100, 100), (68, 68, 168, 168), []),
        ((0, 0, 100, 100), (69, 69, 169, 169), ["left of", "above"]),
        ((0, 0, 100, 100), (0, 0, 100, 100), []),
        ((0, 0, 20, 20), (200, 0, 500, 500), ["left of"]),
    ],
)
def test_relations(a: tuple[float, ...], b: tuple[float, ...], expected: list[str]) -> None:
    assert relations(np.array(a, np.float32), np.array(b, np.float32), 0.1) == expected


boxes = st.builds(
    lambda x, y, w, h: np.array([x, y, x + w, y + h], np.float32),
    *(st.integers(0, 400), st.integers(0, 400), st.integers(1, 99), st.integers(1, 99)),
)


@given(boxes, boxes)
def test_the_other_way_round_is_the_opposite(a: Any, b: Any) -> None:
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    assert {opposite[word] for word in relations(a, b, 0.1)} == set(relations(b, a, 0.1))


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), max_size=16))
def test_up_to_sixteen_scores_are_sorted_stably(values: list[float]) -> None:
    assert argsort(values) == sorted(range(len(values)), key=values.__getitem__)


@given(st.lists(st.floats(0, 1, width=32), min_size=17, max_size=200, unique=True))
def test_different_scores_have_one_order(values: list[float]) -> None:
    assert argsort(values) == np.argsort(np.array(values, np.float32)).tolist()


def test_only_the_best_box_is_placed(image: Image) -> None:
    right = image(("dog", LEFT, 0.9), ("dog", (400, 0, 500, 100), 0.8), ("cat", RIGHT, 0.7))
    assert judge(DOG_LEFT_OF_CAT, right).correct
    wrong = image(("dog", LEFT, 0.8), ("dog", (400, 0, 500, 100), 0.9), ("cat", RIGHT, 0.7))
    verdict = judge(DOG_LEFT_OF_CAT, wrong)
    assert verdict.reason == "expected dog left of target, found right of target"
    assert verdict.facts == {"found_all": True, "kept": 3, "duplicates": 1}


def test_a_missing_target(image: Image) -> None:
    verdict = judge(DOG_LEFT_OF_CAT, image(("dog", LEFT, 0.9)))
    assert verdict.reason == "expected cat>=1, found 0\nno target for dog to be left of"
    assert not verdict.facts["found_all"]


def test_a_right_image_says_what_was_seen(image: Image) -> None:
    verdict = judge(DOG_LEFT_OF_CAT, image(("dog", LEFT, 0.9), ("cat", RIGHT, 0.8)))
    assert verdict.correct
    assert verdict.reason == "expected a photo; dog (0.90) and cat (0.80) found as asked"


def test_counting_is_exact_and_has_its_own_threshold(image: Image) -> None:
    two = ask("counting", {"class": "cup", "count": 2}, exclude=[{"class": "cup", "count": 3}])
    cups = [("cup", (100 * k, 0, 100 * k + 50, 50), 0.95) for k in range(3)]
    assert judge(two, image(*cups[:2])).correct
    assert judge(two, image(*cups)).reason == "expected cup<3, found 3"
    assert judge(two, image(cups[0], ("cup", RIGHT, 0.85))).reason == "expected cup>=2, found 1"
    # Unbound, the threshold is that of the other tasks.
    assert not judge(two, image(cups[0], ("cup", RIGHT, 0.85)), threshold=0.1).correct


def test_single_objects_may_be_more(image: Image) -> None:
    cup = ask("single_object", {"class": "cup", "count": 1})
    assert judge(cup, image(("cup", LEFT, 0.9), ("cup", RIGHT, 0.9))).correct
    just = float(np.float32(0.3))
    assert not judge(cup, image(("cup", LEFT, just))).correct
    assert judge(cup, image(("cup", LEFT, float(np.nextafter(np.float32(0.3), 1))))).correct
    assert not judge(cup, image(("cup", LEFT, 0.4)), threshold=0.5).correct


def test_colours(image: Image) -> None:
    red = ask("colors", {"class": "cup", "count": 1, "color": "red"})
    assert judge(red, image(("cup", LEFT, 0.9, "red"), ("cup", RIGHT, 0.8, "blue"))).correct
    verdict = judge(red, image(("cup", LEFT, 0.8, "red"), ("cup", RIGHT, 0.9, "blue")))
    assert verdict.reason == "expected red cup>=1, found 0 red; and 1 blue"


def test_a_colour_nobody_looked_at_is_no_wrong_colour(image: Image) -> None:
    red = ask("colors", {"class": "cup", "count": 1, "color": "red"})
    with pytest.raises(UserError, match="hold none for the cup"):
        judge(red, image(("cup", LEFT, 0.9)))
    without = Detections.build([LEFT], [0.9], ["cup"], 512, 512)
    with pytest.raises(UserError, match="hold none for the cup"):
        judge(red, without)
    with pytest.raises(UserError, match="expected one of red, orange"):
        judge(red, image(("cup", LEFT, 0.9, "mauve")))
    # Without the object there is nothing whose colour could matter.
    assert judge(red, image(("dog", LEFT, 0.9))).reason == "expected cup>=1, found 0"


def test_cocos_names_are_understood(image: Image) -> None:
    mouse = ask("single_object", {"class": "computer mouse", "count": 1})
    assert judge(mouse, image(("mouse", LEFT, 0.9))).correct
    assert judge(mouse, image(("computer mouse", LEFT, 0.9))).correct


def test_overlapping_boxes_are_dropped_only_where_asked() -> None:
    found = np.array([[0, 0, 100, 100], [1, 1, 101, 101], [200, 0, 300, 100]], np.float32)
    scores = np.array([0.8, 0.9, 0.7], np.float32)
    assert kept(found, scores, 0.3, 16, 1.0) == [1, 0, 2]
    assert kept(found, scores, 0.3, 16, 0.5) == [1, 2]
    assert kept(found, scores, 0.3, 1, 0.5) == [1]


def test_the_same_class_twice_is_one_box(image: Image) -> None:
    twice = ask(
        "position",
        {"class": "dog", "count": 1},
        {"class": "dog", "count": 1, "position": ["left of", 0]},
    )
    verdict = judge(twice, image(("dog", LEFT, 0.9), ("dog", RIGHT, 0.8)))
    assert verdict.reason == "expected dog left of target, found  target"


def test_every_prompt_of_the_benchmark_can_be_right(image: Image) -> None:
    """An image laid out from the text of the prompt satisfies the conditions of its record."""
    place = {"left of": RIGHT, "right of": LEFT, "above": (0, 200, 100, 300), "below": LEFT}
    other = {
        "left of": LEFT,
        "right of": RIGHT,
        "above": LEFT,
        "below": (0, 200, 100, 300),
    }
    rule = GenEvalRule()
    for prompt in prompts("all"):
        found: list[tuple[Any, ...]] = []
        for wanted in prompt.facts["metadata"]["include"]:
            box = LEFT
            if prompt.triplet is not None:
                words = next(word for word in place if f" {word} " in prompt.text)
                subject = wanted["class"] == prompt.triplet.subject
                box = other[words] if subject else place[words]
            found += [(wanted["class"], box, 0.95, wanted.get("color"))] * wanted["count"]
        assert rule.judge(prompt, image(*found), 0.3).correct, prompt.text


def counting_prompts() -> Any:
    return [p for p in prompts("all") if p.task == "counting"]


def test_bound_to_counting_the_threshold_is_that_of_counting(image: Image) -> None:
    bound = GenEvalRule().for_prompts(counting_prompts(), None)
    assert (bound.name, bound.threshold) == ("geneval-official/1", 0.9)
    two = prompt_of("x", ask("counting", {"class": "cup", "count": 2}))
    cups = image(("cup", LEFT, 0.75), ("cup", RIGHT, 0.75))
    assert not bound.judge(two, cups, bound.threshold).correct
    given = GenEvalRule().for_prompts(counting_prompts(), 0.7)
    assert given.name == "geneval-official/1"
    assert given.judge(two, cups, 0.7).correct
    assert given.decides_at(two, 0.7) == 0.7


def test_bound_to_all_tasks_counting_keeps_its_own_unless_told(image: Image) -> None:
    everyone = prompts("all")
    rule = GenEvalRule()
    assert rule.for_prompts(everyone, None) is rule
    assert rule.for_prompts(prompts("position"), 0.7) is rule
    assert rule.for_prompts(everyone, 0.7) is rule
    given = rule.for_prompts(everyone, 0.7, everywhere=True)
    assert given.name == "geneval-official/1+counting_threshold:0.7"
    two = prompt_of("x", ask("counting", {"class": "cup", "count": 2}))
    cups = image(("cup", LEFT, 0.75), ("cup", RIGHT, 0.75))
    assert given.judge(two, cups, 0.7).correct
    assert not given.judge(two, image(("cup", LEFT, 0.75), ("cup", RIGHT, 0.7)), 0.7).correct


@pytest.mark.parametrize(
    ("offset", "found"),
    [(0.001, ["right of"]), (np.nextafter(np.float32(0.001), np.float32(0)), []), (0.0005, [])],
)
def test_the_slack_of_centres_is_a_thousandth_of_a_pixel(offset: Any, found: list[str]) -> None:
    """``if np.all(np.abs(revised_offset) < 1e-3): return set()`` in the official script."""
    point = np.array([offset, 0, offset, 0], np.float32)
    assert relations(point, np.zeros(4, np.float32), 0.1) == found


@pytest.mark.parametrize(("lower", "left"), [(4, [0]), (3, [0, 1]), (5, [0])])
def test_an_overlap_of_exactly_the_bound_is_dropped(lower: int, left: list[int]) -> None:
    """Of 10 x 10 pixels, 10 x 5 are an IoU of 0.5: the official script keeps what is below."""
    boxes = np.array([[0, 0, 9, 9], [0, 0, 9, lower]], np.float32)
    assert kept(boxes, np.array([0.9, 0.8], np.float32), 0.3, 16, 0.5) == left


def test_boxes_beyond_the_asked_number_are_counted() -> None:
    boxes = [LEFT, RIGHT, (0, 200, 90, 290), (200, 200, 290, 290)]
    labels = ["dog", "dog", "dog", "cat"]
    seen = Detections.build(boxes, [0.95, 0.94, 0.93, 0.92], labels, 512, 512)
    assert judge(ask("counting", {"class": "dog", "count": 2}), seen).facts["duplicates"] == 1
    assert judge(ask("counting", {"class": "dog", "count": 4}), seen).facts["duplicates"] == 0
    assert judge(DOG_LEFT_OF_CAT, seen).facts["duplicates"] == 2
