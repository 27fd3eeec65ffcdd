"""What is said of labels that are not the names: the hint fits the way in which they differ."""

from __future__ import annotations

import pytest

from spatialbench.scoring.label_names import other_names

NAMES = ["dog", "hot dog", "traffic light"]


@pytest.mark.parametrize(
    ("label", "name", "hint"),
    [
        ("dog ", "dog", "Take the blanks"),
        ("\u00a0hot  dog", "hot dog", "Take the blanks"),
        ("Traffic Light", "traffic light", "letter by letter"),
        ("DOG", "dog", "letter by letter"),
        ("dog\u200b", "dog", "letter by letter"),
        ("TRAFFIC_LIGHT", "traffic light", "letter by letter"),
        ("traffic_light", "traffic light", "Write blanks"),
        ("hot-dog", "hot dog", "Write blanks"),
        ("dogs", "dog", "Give one object's name"),
        ("Dogs", "dog", "Give one object's name"),
        ("DOGS", "dog", "Give one object's name"),
        ("Traffic Lights", "traffic light", "Give one object's name"),
        ("a photo of a hot dog", "hot dog", "Strip the words"),
        ("A photo of a Dog.", "dog", "Strip the words"),
        ("a_photo_of_a_dog", "dog", "Strip the words"),
        ("the dog", "dog", "Strip the words"),
        ("dog.", "dog", "Strip the words"),
        ("[dog]", "dog", "Strip the words"),
        ("COCO_dog", "dog", "Strip the words"),
        ("dog: 93 %", "dog", "Strip the words"),
    ],
)
def test_the_hint_fits(label: str, name: str, hint: str) -> None:
    said = str(other_names([label], NAMES))
    assert f"{label!r} is {name!r}" in said
    assert hint in said


@pytest.mark.parametrize("label", ["LABEL_3", "motorbike", "", "dogma", "hotdog"])
def test_nothing_near(label: str) -> None:
    assert "Give every box one of the names that its prompt asks for" in str(
        other_names([label], NAMES)
    )


def test_numbers_of_classes() -> None:
    assert "the name of its class, not the number" in str(other_names(["17", "3"], NAMES))


def test_three_of_each_are_shown() -> None:
    said = str(other_names(["a", "b", "c", "d"], ["p", "q", "r", "s"]))
    assert "the labels are 'a', 'b', 'c', ..., and the names are 'p', 'q', 'r', ..." in said
