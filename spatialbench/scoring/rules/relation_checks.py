"""The constraints applied to what a detector found: one check a relation asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...detections import Detections
from ...prompts import Triplet
from ...relations import Relation
from .box_pairs import BoolArray, FloatArray
from .constraints import (
    DEPTH,
    JUDGED,
    PREFERRED,
    Constraint,
    depth_holds,
    plane_holds,
    soft,
    strict,
)
from .object_depth import Depth, nearness

StandsFor = Callable[[str, str], bool]
"""Whether a box of that label (first) can stand for an object of that name (second)."""


@dataclass(frozen=True, slots=True)
class Found:
    """The boxes that stand for one object, best score first.

    Attributes:
        name: the object's name in the prompt.
        indices: rows of the detections.
        scores: their scores.
    """

    name: str
    indices: tuple[int, ...]
    scores: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def best(self) -> float:
        """The best score; 0.0 where nothing was found."""
        return self.scores[0] if self.scores else 0.0


@dataclass(frozen=True, slots=True)
class RelationCheck:
    """One relation in one image.

    Attributes:
        triplet: what was asked.
        subject: boxes of the subject above the threshold.
        object: boxes of the object.
        soft: some pair of boxes satisfies the relation.
        strict: every pair does. Never true without ``soft``; equal for one box of each.
        pairs: how many pairs satisfy it.
        holds: bool (subjects, objects), which.
    """

    triplet: Triplet
    subject: Found
    object: Found
    soft: bool
    strict: bool
    pairs: int
    holds: BoolArray = field(repr=False, compare=False)

    @property
    def found(self) -> bool:
        """Whether both objects are there."""
        return bool(len(self.subject) and len(self.object))

    @property
    def reason(self) -> str:
        """A sentence a person can read."""
        a, b, relation = self.subject, self.object, self.triplet.relation.adverb
        expected = f"expected {a.name} {relation} {b.name}"
        missing = [one.name for one in (a, b) if not len(one)]
        if missing:
            return f"{expected}; no {' and no '.join(missing)} found"
        total = len(a) * len(b)
        seen = f"{a.name} ({a.best:.2f}) and {b.name} ({b.best:.2f}) found"
        if total == 1:
            return f"{expected}; {seen}, the relation {'holds' if self.soft else 'does not hold'}"
        return f"{expected}; {seen}, the relation holds for {self.pairs} of {total} pairs"


def same_name(label: str, name: str) -> bool:
    """The default of :data:`StandsFor`: equal names."""
    return label == name


def find(name: str, detections: Detections, stands_for: StandsFor = same_name) -> Found:
    """The boxes that stand for a name, best score first."""
    rows = [i for i, label in enumerate(detections.labels) if stands_for(label, name)]
    rows.sort(key=lambda i: -float(detections.scores[i]))
    return Found(name, tuple(rows), tuple(float(detections.scores[i]) for i in rows))


def check_relations(
    triplets: Sequence[Triplet],
    detections: Detections,
    threshold: float,
    constraint: Constraint = PREFERRED,
    *,
    depth: Depth | Callable[[], Depth] | None = None,
    masks: Sequence[BoolArray | None] | None = None,
    stands_for: StandsFor = same_name,
) -> list[RelationCheck]:
    """Check every relation asked of an image; "all of them strictly" is ESPLoRA's filter.

    Args:
        triplets: relations in the plane or of depth.
        detections: boxes in pixels of the image, y down.
        threshold: a box counts if its float32 score is strictly above float32(threshold).
        constraint: reading and settings; see ``constraints``.
        depth: scaled depth map of the image, or what reads it; used only for relations of depth
            whose objects were both found.
        masks: a mask (or None) for every box of ``detections``, used for depth where boxes overlap.
        stands_for: which labels mean which names.

    Raises:
        ValueError: a relation the constraints do not speak of, such as ``near``, or one of depth
            without a depth map.
        UserError: from reading the depth map, or settings out of range.
    """
    constraint.checked()
    # Kept as rows of the whole, so that masks stay in step.
    rows = np.flatnonzero(detections.scores > np.float32(threshold)).tolist()
    above = detections.above(threshold)
    kept = None if masks is None else [masks[row] for row in rows]
    return [_check(triplet, above, constraint, depth, kept, stands_for) for triplet in triplets]


def _check(
    triplet: Triplet,
    detections: Detections,
    constraint: Constraint,
    depth: Depth | Callable[[], Depth] | None,
    masks: Sequence[BoolArray | None] | None,
    stands_for: StandsFor,
) -> RelationCheck:
    if triplet.relation not in JUDGED:
        raise ValueError(f"the constraints say nothing of {triplet.relation.adverb!r}")
    a = find(triplet.subject, detections, stands_for)
    b = find(triplet.object, detections, stands_for)
    holds = np.zeros((len(a), len(b)), dtype=bool)
    if holds.size and triplet.relation in DEPTH:
        holds = _in_depth(triplet.relation, a, b, detections, constraint, depth, masks)
    elif holds.size:
        boxes = detections.boxes
        holds = plane_holds(
            triplet.relation, boxes[list(a.indices)], boxes[list(b.indices)], constraint
        )
    return RelationCheck(triplet, a, b, soft(holds), strict(holds), int(holds.sum()), holds)


def _in_depth(
    relation: Relation,
    a: Found,
    b: Found,
    detections: Detections,
    constraint: Constraint,
    depth: Depth | Callable[[], Depth] | None,
    masks: Sequence[BoolArray | None] | None,
) -> BoolArray:
    if depth is None:
        raise ValueError(f"{relation.adverb!r} needs the image's depth map")
    values = depth() if callable(depth) else depth

    def near(one: Found, other: Found) -> FloatArray:
        return nearness(
            values,
            detections.boxes[list(one.indices)],
            detections.boxes[list(other.indices)],
            None if masks is None else [masks[i] for i in one.indices],
        )

    return depth_holds(relation, near(a, b), near(b, a), constraint.margin)
