"""PSE: the probability that a pixel of A lies on the asked side of a pixel of B.

Source: arXiv 2506.23418, of which the abstract names the measure ("probability of superiority");
its handling of ties and instances is not known to us. Here a tie counts one half, as the measure
is defined in statistics, so that PSE(A, B) + PSE(B, A) = 1 always. A box stands for a uniform
spread of pixels; masks and depth maps are counted pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...relations import Relation
from .box_pairs import as_boxes
from .constraints import DEPTH, PLANE

_FIRST_MUST_BE_LESS = frozenset((Relation.LEFT, Relation.ABOVE, Relation.BEHIND))


def superiority(relation: Relation, a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """PSE of two sets of coordinates, 0 to 1.

    Args:
        relation: of A to B; left, right, above, below, in front of or behind.
        a: one coordinate a pixel of A: x, y (down), or nearness (larger is nearer).
        b: likewise of B.

    Raises:
        ValueError: another relation, or an object without a pixel.
    """
    if relation not in PLANE | DEPTH:
        raise ValueError(f"{relation} has no direction")
    first, second = np.asarray(a, dtype=np.float64).ravel(), np.asarray(b, np.float64).ravel()
    if not first.size or not second.size:
        raise ValueError("an object without a pixel")
    second = np.sort(second)
    # Counts, not shares, so that the two directions add up to 1 exactly.
    less = int(np.searchsorted(second, first, side="left").sum())
    up_to = int(np.searchsorted(second, first, side="right").sum())
    pairs = first.size * second.size
    doubled = 2 * pairs - less - up_to if relation in _FIRST_MUST_BE_LESS else less + up_to
    return doubled / (2 * pairs)


def superiority_of_boxes(relation: Relation, a: Sequence[float], b: Sequence[float]) -> float:
    """PSE in the plane of two boxes (corners x0, y0, x1, y1, y down), their pixels uniform.

    Raises:
        ValueError: a relation outside the plane, malformed boxes.
    """
    if relation not in PLANE:
        raise ValueError(f"{relation} is not a relation in the plane")
    if relation not in _FIRST_MUST_BE_LESS:
        return superiority_of_boxes(relation.inverse, b, a)
    axis = 0 if relation.axis == "x" else 1
    first, second = as_boxes([a])[0], as_boxes([b])[0]
    return _share_below(first[axis], first[axis + 2], second[axis], second[axis + 2])


def _share_below(a0: float, a1: float, b0: float, b1: float) -> float:
    """P(X < Y) + P(X = Y) / 2 for X uniform on [a0, a1] and Y on [b0, b1]; points are allowed."""
    if a1 <= a0 and b1 <= b0:
        return 0.5 if a0 == b0 else float(a0 < b0)
    if b1 <= b0:
        return float(np.clip((b0 - a0) / (a1 - a0), 0.0, 1.0))
    if a1 <= a0:
        return float(np.clip((b1 - a0) / (b1 - b0), 0.0, 1.0))
    # P(X < y) rises linearly from 0 to 1 over [a0, a1]; averaged over y in [b0, b1].
    low, high = np.clip([b0, b1], a0, a1)
    rising = ((high - a0) ** 2 - (low - a0) ** 2) / (2 * (a1 - a0))
    certain = max(b1 - max(b0, a1), 0.0)
    return float(np.clip((rising + certain) / (b1 - b0), 0.0, 1.0))
