"""GenEval's verdict on one image, with the script's own sentences.

Source: ``evaluation/evaluate_images.py`` of djghosh13/geneval @ af4902f.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spatialbench.detections import Detections

from .boxes import Float32, kept, relations
from .names import COLOURS, own_name

Metadata = Mapping[str, Any]

COUNTING = "counting"
"""The tag of the prompts with a threshold of their own."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the script takes as ``--options``, with its defaults."""

    threshold: float = 0.3
    counting_threshold: float = 0.9
    max_objects: int = 16
    max_overlap: float = 1.0
    position_threshold: float = 0.1

    def score_threshold(self, metadata: Metadata) -> float:
        """The threshold for a prompt: counting has its own."""
        return self.counting_threshold if metadata["tag"] == COUNTING else self.threshold


@dataclass(frozen=True, slots=True)
class Found:
    """A kept object: its box, its score, and its place in the detections."""

    box: Float32
    score: float
    index: int


@dataclass(slots=True)
class Evaluation:
    """What the script says of an image.

    Attributes:
        correct: whether every condition holds.
        reasons: one sentence for each that does not.
        objects: kept boxes of each class that has some, best first.
        counts: for each included object, how many of those it asks for were found.
    """

    correct: bool = True
    reasons: list[str] = field(default_factory=list)
    objects: dict[str, list[Found]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """The script's text: the sentences, one per line; empty where the image is right."""
        return "\n".join(self.reasons)

    def fail(self, reason: str) -> None:
        """One more thing is wrong."""
        self.correct = False
        self.reasons.append(reason)


ColourOf = Callable[[Found], str]
"""The colour of a found object, one of ``COLOURS``; asked only where a prompt names a colour."""


def keep_objects(
    detections: Detections, metadata: Metadata, options: Options
) -> dict[str, list[Found]]:
    """Kept boxes by GenEval's class name, best first; classes without any are left out."""
    rows: dict[str, list[int]] = {}
    for i, label in enumerate(detections.labels):
        rows.setdefault(own_name(label), []).append(i)
    threshold = options.score_threshold(metadata)
    objects = {}
    for name, indices in rows.items():
        boxes, scores = detections.boxes[indices], detections.scores[indices]
        order = kept(boxes, scores, threshold, options.max_objects, options.max_overlap)
        if order:
            objects[name] = [Found(boxes[i], float(scores[i]), indices[i]) for i in order]
    return objects


def evaluate(
    objects: Mapping[str, Sequence[Found]],
    metadata: Metadata,
    colour_of: ColourOf,
    options: Options,
) -> Evaluation:
    """Check an image's kept objects against a prompt's conditions.

    Only the first ``count`` boxes of a class are looked at for colour and position. A condition
    of position is checked after those of number and colour, and only if they hold. Where a
    sentence lists several relations they stand in the order left of, right of, above, below (the
    script's order is that of a Python set).
    """
    result = Evaluation(objects={name: list(found) for name, found in objects.items()})
    groups: list[Sequence[Found] | None] = []
    for wanted in metadata.get("include", []):
        found = objects.get(wanted["class"], [])[: wanted["count"]]
        result.counts.append(len(found))
        before = len(result.reasons)
        _check_number_and_colour(result, wanted, found, colour_of)
        if wanted.get("position") is not None and len(result.reasons) == before:
            _check_position(result, wanted, found, groups, options.position_threshold)
        groups.append(found if len(result.reasons) == before else None)
    for unwanted in metadata.get("exclude", []):
        name, limit = unwanted["class"], unwanted["count"]
        number = len(objects.get(name, []))
        if number >= limit:
            result.fail(f"expected {name}<{limit}, found {number}")
    return result


def _check_number_and_colour(
    result: Evaluation, wanted: Metadata, found: Sequence[Found], colour_of: ColourOf
) -> None:
    name, count = wanted["class"], wanted["count"]
    if len(found) < count:
        result.fail(f"expected {name}>={count}, found {len(found)}")
        return
    colour = wanted.get("color")
    if colour is None:
        return
    seen = [colour_of(one) for one in found]
    right = seen.count(colour)
    if right < count:
        others = ", ".join(f"{seen.count(c)} {c}" for c in COLOURS if c in seen)
        result.fail(f"expected {colour} {name}>={count}, found {right} {colour}; and {others}")


def _check_position(
    result: Evaluation,
    wanted: Metadata,
    found: Sequence[Found],
    groups: Sequence[Sequence[Found] | None],
    threshold: float,
) -> None:
    name = wanted["class"]
    relation, target = wanted["position"]
    others = groups[target]
    if others is None:
        result.fail(f"no target for {name} to be {relation}")
        return
    for one in found:
        for other in others:
            true = relations(one.box, other.box, threshold)
            if relation not in true:
                listed = " and ".join(true)
                result.fail(f"expected {name} {relation} target, found {listed} target")
                return


def details(objects: Mapping[str, Sequence[Found]]) -> dict[str, list[list[float]]]:
    """The ``details`` of the script's results: boxes with their score by class, best first."""
    return {
        name: [[*np.asarray(one.box).tolist(), one.score] for one in found]
        for name, found in objects.items()
    }
