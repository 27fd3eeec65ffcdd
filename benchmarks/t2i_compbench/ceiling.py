"""How much a perfect image of every prompt could score, for all the words no label fits.

Computed, not looked up: an image is laid out for each prompt, with every object labelled as
the detector would at best, and given to the rule.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

import numpy as np

from spatialbench.detections import Detections
from spatialbench.plugins import Verdict
from spatialbench.prompts import Prompt

from .depth_maps import Depth
from .frame import SHORT

CONFIDENCE = float(np.nextafter(np.float32(1), np.float32(0)))
"""A detector is never quite sure."""

_LEFT, _RIGHT = (0.0, 200.0, 100.0, 300.0), (300.0, 200.0, 400.0, 300.0)
_UPPER, _LOWER = (200.0, 0.0, 300.0, 100.0), (200.0, 300.0, 300.0, 400.0)
_FRONT, _BACK = (0.0, 0.0, 200.0, 200.0), (20.0, 20.0, 220.0, 220.0)
_LAYOUT = {
    "on the left of": (_LEFT, _RIGHT),
    "on the right of": (_RIGHT, _LEFT),
    "on the top of": (_UPPER, _LOWER),
    "on top of": (_UPPER, _LOWER),
    "on the bottom of": (_LOWER, _UPPER),
    "in front of": (_FRONT, _BACK),
    "behind": (_BACK, _FRONT),
    "hidden": (_BACK, _FRONT),
}


LabelOf = Callable[[str], str | None]


class Understanding(Protocol):
    """A rule that can say which labels it takes for a word."""

    name: str
    threshold: float

    def takes(self, label: str, word: str) -> bool: ...
    def judge(
        self, prompt: Prompt, detections: Detections, threshold: float, **more: Any
    ) -> Verdict: ...


@cache
def vocabulary() -> tuple[str, ...]:
    """The labels of UniDet that contain a word of the prompts, or are listed as synonyms."""
    text = files(__package__).joinpath("unidet_words.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


def best_answers(
    rule: Understanding, prompts: Sequence[Prompt], asked: bool = False
) -> list[float]:
    """The answer of a rule for an ideal image of each prompt.

    An object bears the word itself as its label where that is one, else any label the rule takes
    for it; none where there is none.

    Args:
        asked: whether the detector is asked for the words, and has no labels of UniDet's.
    """
    labels: dict[str, str | None] = {}

    def label_of(word: str) -> str | None:
        if word not in labels:
            offered = [word] if asked else vocabulary()
            taken = [label for label in offered if rule.takes(label, word)]
            labels[word] = word if word in taken else next(iter(taken), None)
        return labels[word]

    return [_answer(rule, prompt, label_of) for prompt in prompts]


def _answer(rule: Understanding, prompt: Prompt, label_of: LabelOf) -> float:
    if prompt.facts["category"] == "numeracy":
        return rule.judge(prompt, _counted(prompt, label_of), rule.threshold).score
    words = prompt.facts["words"]
    boxes = _LAYOUT.get(prompt.facts["locality"], (_LEFT, _RIGHT))
    found = [(label_of(w), box) for w, box in zip(words, boxes, strict=True)]
    more = {"depth": _slope()} if prompt.facts["category"] == "3d" else {}
    image = _image([(label, box) for label, box in found if label is not None])
    return rule.judge(prompt, image, rule.threshold, **more).score


@cache
def _slope() -> Depth:
    """Nearest in the upper left corner, and the same whichever of x and y is the row."""
    across = np.arange(2 * SHORT, 0, -2, dtype=np.float32) / np.float32(4 * SHORT)
    return across[:, None] + across[None, :]


def _counted(prompt: Prompt, label_of: LabelOf) -> Detections:
    from .counting import wanted_objects
    from .sources import plurals

    names, numbers = wanted_objects(prompt.facts["words"], plurals())
    found = []
    for row, (name, number) in enumerate(zip(names, numbers, strict=True)):
        label = label_of(name)
        if label is not None:
            found += [
                (label, (50.0 * k, 60.0 * row, 50.0 * k + 40, 60.0 * row + 40))
                for k in range(number)
            ]
    return _image(found)


def _image(found: Sequence[tuple[str, tuple[float, float, float, float]]]) -> Detections:
    return Detections.build(
        [box for _, box in found],
        [CONFIDENCE] * len(found),
        [label for label, _ in found],
        SHORT,
        SHORT,
    )
