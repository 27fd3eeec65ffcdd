"""Which relations of a photograph may be said: pairs of detected objects, and what says no.

The filters are those of CoMPaSS's data (SCOP, arXiv 2412.13195), as facts about them are known;
the relations are named by the constraints of this project's rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ..detections import Detections
from ..errors import UserError
from ..lab.captions import held_out
from ..prompts import Triplet
from ..relations import Relation
from ..scoring.rules.box_pairs import as_boxes, distinct, shared_area
from ..scoring.rules.constraints import PLANE, PREFERRED, Constraint
from ..scoring.rules.object_depth import Depth
from ..scoring.rules.relation_checks import check_relations

SAME = 0.5
"""Intersection over union above which two boxes of one name are one object."""

_PLANE = tuple(relation for relation in Relation if relation in PLANE)
_DEPTH = (Relation.IN_FRONT, Relation.BEHIND)

TOO_SMALL, LITTLE, FAR = "box too small", "little of the image", "too far apart"
OVERLAP, SIZES, NO_RELATION = "too much overlap", "sizes too different", "no relation holds"
HELD_OUT = "kept for evaluation"
REASONS = (HELD_OUT, TOO_SMALL, LITTLE, FAR, OVERLAP, SIZES, NO_RELATION)
"""Why a pair of objects gets no caption, in the order in which it is looked at."""


@dataclass(frozen=True, slots=True)
class PairFilter:
    """What a pair of boxes must be like; the defaults are SCOP's.

    Attributes:
        side: either box has at least the area of a square of this side, in pixels.
        share: both areas together are at least this share of the image.
        distance: the centres are at most this many times the smaller box's diagonal apart.
        overlap: the intersection is less than this share of the smaller area.
        ratio: the smaller area is at least this share of the larger.
    """

    side: float = 32.0
    share: float = 0.2
    distance: float = 2.0
    overlap: float = 0.3
    ratio: float = 0.5

    @classmethod
    def of(cls, given: Mapping[str, object]) -> PairFilter:
        """With these values. Raises UserError for one that is no number from 0 on."""
        for name, value in given.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and np.isfinite(float(str(value))) and float(str(value)) >= 0):
                raise UserError(f"--filter {name}={value} is not a number from 0 on.")
        return cls(**{name: float(str(value)) for name, value in given.items()})

    @classmethod
    def names(cls) -> list[str]:
        """What can be set."""
        return [field.name for field in fields(cls)]

    def refuses(
        self, a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], width: int, height: int
    ) -> str | None:
        """The first reason of ``REASONS`` against two boxes of shape (4,) in pixels, or None."""
        first, second = as_boxes(np.stack([a, b]))
        shared, one, other = shared_area(a, b)
        if min(one, other) < self.side**2:
            return TOO_SMALL
        if one + other < self.share * width * height:
            return LITTLE
        centres = [(box[:2] + box[2:]) / 2 for box in (first, second)]
        diagonal = min(float(np.linalg.norm(box[2:] - box[:2])) for box in (first, second))
        if float(np.linalg.norm(centres[0] - centres[1])) > self.distance * diagonal:
            return FAR
        if shared >= self.overlap * min(one, other) and shared > 0:
            return OVERLAP
        return SIZES if min(one, other) < self.ratio * max(one, other) else None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two objects of a photograph and what may be said of the first to the second.

    Attributes:
        boxes: of both objects, every one that was found; float32, (n, 4), in pixels.
        names: the object of each box.
    """

    first: str
    second: str
    relations: tuple[Relation, ...]
    boxes: npt.NDArray[np.float32]
    names: tuple[str, ...]


def pairs_of(
    found: Detections,
    threshold: float,
    wanted: PairFilter,
    counts: Counter[str],
    constraint: Constraint = PREFERRED,
    depth: Callable[[], Depth] | None = None,
) -> Iterator[Pair]:
    """The pairs of different objects of which a relation holds, by name.

    A relation holds strictly: for every box of the one name to every box of the other, as in the
    training sets of generated images. The filters look at the best box of either name.

    Args:
        found: boxes in pixels of the photograph, y down.
        threshold: a box counts if its float32 score is strictly above float32(threshold).
        counts: gets every pair that is refused, by its reason.
        depth: gives the scaled depth map; None for relations in the plane alone.
    """
    kept = _objects(found, threshold)
    groups: dict[str, list[int]] = {}
    for row, name in enumerate(kept.labels):
        groups.setdefault(name, []).append(row)
    for first, second in combinations(sorted(groups), 2):
        best = [kept.boxes[groups[name][0]] for name in (first, second)]
        if held_out(first, second):
            counts[HELD_OUT] += 1
            continue
        if why := wanted.refuses(best[0], best[1], kept.width, kept.height):
            counts[why] += 1
            continue
        asked = [Triplet(first, one, second) for one in (*_PLANE, *(_DEPTH if depth else ()))]
        checks = check_relations(asked, kept, threshold, constraint, depth=depth)
        relations = tuple(check.triplet.relation for check in checks if check.strict)
        if not relations:
            counts[NO_RELATION] += 1
            continue
        rows = [*groups[first], *groups[second]]
        names = tuple(kept.labels[row] for row in rows)
        yield Pair(first, second, relations, kept.boxes[rows], names)


def _objects(found: Detections, threshold: float) -> Detections:
    """The boxes that count, each another object, best score first."""
    above = found.above(threshold)
    order = sorted(range(len(above)), key=lambda row: -float(above.scores[row]))
    rows: list[int] = []
    for name in sorted(set(above.labels)):
        rows += distinct(above.boxes, [row for row in order if above.labels[row] == name], SAME)
    labels = [above.labels[row] for row in rows]
    return Detections.build(
        above.boxes[rows], above.scores[rows], labels, above.width, above.height
    )
