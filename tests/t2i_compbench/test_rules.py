"""What holds for the rules whatever the image, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialbench.benchmarks.t2i_compbench import PLUGIN, count_rule, depth_rule, plane_rule
from spatialbench.benchmarks.t2i_compbench.frame import frame_size
from spatialbench.benchmarks.t2i_compbench.position import LOCALITIES, position_score
from spatialbench.benchmarks.t2i_compbench.prompts import read_prompts
from spatialbench.benchmarks.t2i_compbench.synonyms import SYNONYMS, first_meaning, means
from spatialbench.detections import Detections
from spatialbench.errors import UserError

MadeImage = Callable[..., Detections]

corner = st.integers(0, 400)
side = st.integers(4, 79)
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), corner, corner, side, side)


@given(st.sampled_from(LOCALITIES), boxes, boxes)
def test_opposite_relations_hold_for_the_exchanged_boxes(word: str, a: Any, b: Any) -> None:
    opposite = {
        "on the left of": "on the right of",
        "on the right of": "on the left of",
        "on the top of": "on the bottom of",
        "on the bottom of": "on the top of",
    }.get(word, word)
    score = position_score(word, a, b)
    assert score == position_score(opposite, b, a)
    assert 0 <= score <= 1


@given(st.sampled_from(LOCALITIES), boxes, boxes, st.sampled_from([2, 4]))
def test_the_size_of_an_image_does_not_matter(word: str, a: Any, b: Any, factor: int) -> None:
    """Boxes are judged in the 479-pixel frame, whatever the image was."""
    (prompt,) = read_prompts("2d", [f"a dog {word} a cat"])
    answers = []
    for scale in (1, factor):
        scaled = [[corner * scale for corner in box] for box in (a, b)]
        side = 479 * scale
        seen = Detections.build(scaled, [0.9, 0.8], ["dog", "cat"], side, side)
        answers.append(plane_rule.OFFICIAL.judge(prompt, seen, 0.1).score)
    assert answers[0] == pytest.approx(answers[1], abs=1e-6)


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ((512, 512), (479, 479)),
        ((1024, 1024), (479, 479)),
        ((640, 480), (480, 360)),
        ((480, 640), (360, 480)),
        ((64, 64), (479, 479)),
        ((479, 479), (479, 479)),
        ((480, 360), (480, 360)),
    ],
)
def test_frames(size: tuple[int, int], frame: tuple[int, int]) -> None:
    assert frame_size(*size) == frame


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_frame_is_its_own_frame(width: int, height: int) -> None:
    framed = frame_size(width, height)
    if min(framed) > 0:
        assert frame_size(*framed) == framed
        assert max(framed) <= 480


def test_frames_are_those_of_torchvision() -> None:
    transforms = pytest.importorskip("torchvision.transforms.functional")
    from PIL import Image

    for size in [(512, 512), (640, 480), (481, 479), (333, 1000), (480, 479)]:
        resized = transforms.resize(Image.new("RGB", size), 479, max_size=480)
        assert resized.size == frame_size(*size)


def test_the_threshold_is_strict_in_float32(image: MadeImage) -> None:
    (prompt,) = read_prompts("2d", ["a dog on the left of a cat"])
    just = float(np.float32(0.1))
    above = float(np.nextafter(np.float32(0.1), np.float32(1)))
    for score, found in ((just, False), (above, True)):
        seen = image(("dog", (0, 0, 9, 9), score), ("cat", (90, 0, 99, 9), 0.9))
        assert plane_rule.OFFICIAL.judge(prompt, seen, 0.1).facts["found_a"] is found


def test_a_rule_refuses_another_categorys_prompts(image: MadeImage) -> None:
    (plane,) = read_prompts("2d", ["a dog near a cat"])
    (depth,) = read_prompts("3d", ["a dog behind a cat"])
    seen = image(("dog", (0, 0, 9, 9), 0.9), ("cat", (3, 0, 99, 9), 0.9))
    for rule, prompt, fitting in (
        (plane_rule.OFFICIAL, depth, "3d-official"),
        (depth_rule.OFFICIAL, plane, "2d-official"),
        (count_rule.CORRECTED, plane, "2d-official"),
    ):
        with pytest.raises(UserError, match=fitting):
            rule.judge(prompt, seen, 0.1)
    with pytest.raises(UserError, match="needs the depth map"):
        depth_rule.OFFICIAL.judge(depth, seen, 0.1)


def test_where_the_script_divides_by_zero_there_is_no_score(image: MadeImage) -> None:
    (prompt,) = read_prompts("2d", ["a dog near a cat"])
    flat = image(("dog", (5, 5, 5, 5), 0.9), ("cat", (5, 5, 5, 9), 0.9))
    with pytest.raises(UserError, match="ZeroDivisionError"):
        plane_rule.OFFICIAL.judge(prompt, flat, 0.1)


def test_synonyms() -> None:
    labels = ["dog", "cattle, cow", "mobile phone, cell phone", "microphone", "hot dog"]
    assert first_meaning(labels, "cow") == 1
    assert first_meaning(labels, "phone") == 2
    assert first_meaning(["hot dog", "dog"], "dog") == 1
    assert first_meaning(labels, "wallet") is None
    assert means("table, desk", "desk")
    # A label never stands for two of the benchmark's words unless it names both.
    for word, listed in SYNONYMS.items():
        assert word not in listed


def test_every_rule_has_its_name_and_version() -> None:
    names = {short: rule.name for short, rule in PLUGIN.rules.items()}
    assert names == {short: f"t2i-{short}/1" for short in names}
    thresholds = {rule.threshold for rule in PLUGIN.rules.values() if "boxes" in rule.needs}
    assert thresholds == {0.1}


def test_boxes_beyond_what_is_asked_are_counted() -> None:
    (pair,) = read_prompts("2d", ["a dog on the left of a cat"])
    boxes = [(0, 0, 50, 50), (200, 0, 250, 50), (60, 0, 90, 50), (0, 90, 50, 140), (0, 200, 9, 209)]
    labels = ["dog", "cat", "dog", "dog", "zebra"]
    seen = Detections.build(boxes, [0.9, 0.8, 0.7, 0.05, 0.6], labels, 479, 479)
    # The fourth box, a dog, is below the threshold.
    for rule in (plane_rule.OFFICIAL, plane_rule.CORRECTED):
        assert rule.judge(pair, seen, 0.1).facts["duplicates"] == 1
        assert rule.judge(pair, seen, 0.01).facts["duplicates"] == 2
    counted = count_rule._verdict(1, 0.5, ["dog", "cat"], [2, 3], [4, 1])
    assert counted.facts["duplicates"] == 2
