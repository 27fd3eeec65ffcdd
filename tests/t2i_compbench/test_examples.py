"""Hand-made images with the answers the official code gave for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spatialbench.benchmarks.t2i_compbench import count_rule, depth_rule, plane_rule
from spatialbench.benchmarks.t2i_compbench.own_prompts import brought_prompt
from spatialbench.benchmarks.t2i_compbench.prompts import read_prompts
from spatialbench.detections import Detections
from spatialbench.plugins import Verdict

Image = Callable[..., Detections]
Found = tuple[str, tuple[float, ...], float]

A, B = (0, 0, 100, 100), (200, 0, 300, 100)
LEFT = "a dog on the left of a cat"


def plane(text: str, detections: Detections, rule: Any = plane_rule.OFFICIAL) -> Verdict:
    (prompt,) = read_prompts("2d", [text])
    return rule.judge(prompt, detections, 0.1)


@pytest.mark.parametrize(
    ("text", "found", "answer"),
    [
        (LEFT, [("dog", A, 0.9), ("cat", B, 0.8)], 0.9249999970197678),
        (LEFT, [("dog", A, 0.89990234375), ("cat", B, 0.7998046875)], 0.9249267578125),
        (LEFT, [("dog", B, 0.9), ("cat", A, 0.8)], 0),
        (LEFT, [("dog", A, 0.125), ("cat", B, 0.125)], 0.5625),
        (LEFT, [("dog", A, 1.0), ("cat", (50, 0, 150, 100), 1.0)], 0.65),
        (LEFT, [("dog", A, 0.5), ("cat", (50, 0, 150, 100), 0.5)], 0),
        (LEFT, [("dog", A, 0.9), ("cat", (200, 200, 300, 300), 0.9)], 0),
        (
            LEFT,
            [("dog", B, 0.9), ("dog", (0, 0, 50, 50), 0.85), ("cat", (100, 0, 190, 100), 0.8)],
            0,
        ),
        (LEFT, [("dog", A, 1.0)], 0),
        ("a cow on the left of a cat", [("cattle, cow", A, 0.9), ("cat", B, 0.9)], 0),
        ("a man on the left of a cat", [("man", A, 0.9), ("cat", B, 0.9)], 0),
        ("a man on the left of a cat", [("person", A, 0.9), ("cat", B, 0.9)], 0.949999988079071),
        ("a dog on top of a cat", [("dog", A, 0.9), ("cat", (0, 200, 100, 300), 0.9)], 0),
        ("a dog on top of a cat", [("dog", A, 1.0), ("cat", (0, 200, 100, 300), 1.0)], 0.5),
        (
            "a dog on the top of a cat",
            [("dog", A, 0.9), ("cat", (0, 200, 100, 300), 0.9)],
            0.949999988079071,
        ),
        ("a dog near a cat", [("dog", A, 1.0), ("cat", (300, 300, 400, 400), 1.0)], 0.75),
        (
            "a dog near a cat",
            [("dog", (0, 0, 20, 20), 0.5), ("cat", (440, 100, 470, 120), 0.5)],
            0.75,
        ),
        (
            "a dog near a dog",
            [("dog", A, 0.9), ("dog", (300, 300, 400, 400), 0.8)],
            0.949999988079071,
        ),
        ("a dog on the left of a dog", [("dog", A, 0.9), ("dog", B, 0.8)], 0),
    ],
)
def test_plane(image: Image, text: str, found: list[Found], answer: float) -> None:
    assert plane(text, image(*found)).score == answer


@pytest.mark.parametrize(
    ("words", "tags", "found", "answer"),
    [
        ("a dog nearby a cat", "DET NOUN ADV DET NOUN", [("dog", A, 0.9), ("cat", B, 0.8)], 0.925),
        ("dog next to bee", "NOUN ADP ADP PROPN", [("dog", A, 0.9), ("bee", B, 0.8)], 0.95),
    ],
)
def test_tagged_sentences(
    image: Image, words: str, tags: str, found: list[Found], answer: float
) -> None:
    record = {
        "prompt_id": "x",
        "prompt": words,
        "tokens": [list(pair) for pair in zip(words.split(), tags.split(), strict=True)],
    }
    prompt = brought_prompt(record, "2d")
    assert prompt is not None
    score = plane_rule.OFFICIAL.judge(prompt, image(*found), 0.1).score
    assert score == pytest.approx(answer, abs=1e-7)


def test_the_verdict_says_what_was_seen(image: Image) -> None:
    right = plane(LEFT, image(("dog", A, 0.9), ("cat", B, 0.8)))
    assert right.correct
    assert right.reason == f"expected {LEFT}; dog (0.90) and cat (0.80) found, position score 1.00"
    assert right.facts["found_all"]
    assert right.facts["position"] == 1.0
    missing = plane(LEFT, image(("dog", A, 0.9), ("cat", B, 0.1)))
    assert not missing.correct
    assert missing.reason == f"expected {LEFT}; no cat found above 0.1"
    assert (missing.facts["found_a"], missing.facts["found_b"]) == (True, False)


def test_the_other_plane_rules(image: Image) -> None:
    cow = "a cow on the left of a cat"
    seen = image(("cattle, cow", A, 0.9), ("cat", B, 0.9))
    assert plane(cow, seen, plane_rule.CORRECTED).score == pytest.approx(0.95)
    assert plane(cow, seen, plane_rule.INFSPLIGN).score == pytest.approx(0.95)
    # InfSplign's copy takes the last dog, whose score and place decide; the others the first.
    dogs = image(("dog", B, 0.9), ("dog", (0, 0, 50, 50), 0.6), ("cat", (100, 0, 190, 100), 0.8))
    assert plane(LEFT, dogs, plane_rule.CORRECTED).score == 0
    assert plane(LEFT, dogs, plane_rule.INFSPLIGN).score == pytest.approx(0.25 * 1.4 + 0.5)
    on_top = image(("dog", A, 0.9), ("cat", (0, 200, 100, 300), 0.9))
    assert plane("a dog on top of a cat", on_top, plane_rule.CORRECTED).score > 0.9
    assert plane("a dog on top of a cat", on_top, plane_rule.INFSPLIGN).score == 0


RIGHTWARDS = np.tile(np.linspace(0, 1, 479, dtype=np.float32), (479, 1))
"""Depth that grows with x: rows are y."""


def in_depth(text: str, detections: Detections, rule: Any, depth: Any = RIGHTWARDS) -> float:
    (prompt,) = read_prompts("3d", [text])
    return rule.judge(prompt, detections, 0.1, depth=depth).score


def test_depth_is_cut_the_wrong_way_round_officially(image: Image) -> None:
    seen = image(("dog", (60, 0, 160, 50), 0.9), ("cat", (40, 20, 140, 120), 0.9))
    text = "a dog in front of a cat"
    assert in_depth(text, seen, depth_rule.OFFICIAL) == 0.44999998807907104
    # IoU 2400 / (5000 + 10000 - 2400): its double, halved, on top of the confidences.
    assert in_depth(text, seen, depth_rule.CORRECTED) == pytest.approx(0.45 + 2400 / 12600)


def test_depth_with_an_overlap_of_exactly_one_half(image: Image) -> None:
    seen = image(("dog", (0, 0, 100, 100), 0.9), ("cat", (0, 0, 50, 100), 0.9))
    text = "a dog in front of a cat"
    assert in_depth(text, seen, depth_rule.OFFICIAL) == 0.44999998807907104
    assert in_depth(text, seen, depth_rule.CORRECTED) == pytest.approx(0.95)


def test_depth_takes_what_merely_contains_the_word(image: Image) -> None:
    found = [("dog", A, 0.9), ("hot dog", (10, 10, 20, 20), 0.5), ("cat", (0, 0, 50, 100), 0.9)]
    downwards = RIGHTWARDS.T[::-1]
    seen = image(*found)
    text = "a dog behind a cat"
    assert in_depth(text, seen, depth_rule.OFFICIAL, 1 - RIGHTWARDS.T) in (
        pytest.approx(0.37, abs=1e-7),
        pytest.approx(0.35, abs=1e-7),
    )
    assert (
        in_depth(
            "a pen behind a bag",
            image(("penguin", A, 0.9), ("cabbage", B, 0.8)),
            depth_rule.OFFICIAL,
            downwards,
        )
        == 0.42499999701976776
    )
    assert (
        in_depth(
            "a pen behind a bag",
            image(("penguin", A, 0.9), ("cabbage", B, 0.8)),
            depth_rule.CORRECTED,
            downwards,
        )
        == 0
    )
    assert in_depth("a dog behind a bed", image(("dog", A, 0.9)), depth_rule.OFFICIAL) == (
        0.22499999403953552
    )


def counted(text: str, detections: Detections, rule: Any) -> float:
    record = {"prompt_id": "x", "prompt": text, "tokens": [[w, "X"] for w in text.split()]}
    prompt = brought_prompt(record, "numeracy")
    assert prompt is not None
    return rule.judge(prompt, detections, 0.1).score


def many(**numbers: int) -> list[Found]:
    rows = enumerate(numbers.items())
    return [
        (name.replace("_", " "), (60 * k, 60 * row, 60 * k + 40, 60 * row + 40), 0.9)
        for row, (name, number) in rows
        for k in range(number)
    ]


@pytest.mark.usefixtures("official_files")
@pytest.mark.parametrize(
    ("text", "numbers", "official", "corrected"),
    [
        ("two dogs and three cats", {"dog": 2, "cat": 3}, 1.0, 1.0),
        ("two dogs and three cats", {"dog": 1, "cat": 3}, 0.75, 0.75),
        ("two phones", {"microphone": 1, "saxophone": 1}, 1.0, 0.0),
        ("two phones", {"telephone": 1, "mobile phone, cell phone": 1}, 1.0, 1.0),
        ("one television", {"tv": 1}, 0.0, 1.0),
        ("three sheep", {"sheep": 3}, 1.0, 1.0),
        ("two women", {"person": 2}, 1.0, 1.0),
    ],
)
def test_numbers(
    image: Image, text: str, numbers: dict[str, int], official: float, corrected: float
) -> None:
    seen = image(*many(**numbers))
    assert counted(text, seen, count_rule.OFFICIAL) == official
    assert counted(text, seen, count_rule.CORRECTED) == corrected


@pytest.mark.usefixtures("official_files")
def test_a_box_inside_another_of_its_label_is_no_second_object(image: Image) -> None:
    seen = image(("dog", (0, 0, 400, 400), 0.9), ("dog", (10, 10, 60, 60), 0.8))
    assert counted("two dogs", seen, count_rule.OFFICIAL) == 0.5
