"""Every box of one object against every box of another: offsets and overlaps, axis by axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class AxisPairs(NamedTuple):
    """One axis of n boxes against m boxes, all float64 of shape (n, m), in pixels.

    Attributes:
        offset: centre of the second minus centre of the first; positive is right, or down.
        overlap: length of the common interval over the shorter side, 0 to 1.
        larger: the longer of the two sides.
    """

    offset: FloatArray
    overlap: FloatArray
    larger: FloatArray


def as_boxes(boxes: npt.ArrayLike) -> FloatArray:
    """Corners x0, y0, x1, y1 as float64 of shape (n, 4), each pair of corners in rising order.

    Raises:
        ValueError: another shape, or a corner that is not finite.
    """
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return np.empty((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes of shape {array.shape}: expected (n, 4) corners x0, y0, x1, y1")
    if not np.isfinite(array).all():
        raise ValueError("a box with a corner that is not finite")
    return np.concatenate(
        [np.minimum(array[:, :2], array[:, 2:]), np.maximum(array[:, :2], array[:, 2:])], axis=1
    )


def axis_pairs(a: npt.ArrayLike, b: npt.ArrayLike, axis: int) -> AxisPairs:
    """Boxes ``a`` (n, 4) against boxes ``b`` (m, 4) along x (axis 0) or y (axis 1).

    A side of length 0 overlaps wholly with an interval that it lies in, and not at all otherwise.
    """
    first, second = as_boxes(a), as_boxes(b)
    low_a, high_a = first[:, None, axis], first[:, None, axis + 2]
    low_b, high_b = second[None, :, axis], second[None, :, axis + 2]
    size_a, size_b = high_a - low_a, high_b - low_b
    shared = np.minimum(high_a, high_b) - np.maximum(low_a, low_b)
    shorter = np.minimum(size_a, size_b)
    point = shorter <= 0
    ratio = np.maximum(shared, 0.0) / np.where(point, 1.0, shorter)
    overlap = np.where(point, (shared >= 0).astype(np.float64), np.minimum(ratio, 1.0))
    offset = (low_b + high_b) / 2 - (low_a + high_a) / 2
    return AxisPairs(offset, overlap, np.maximum(size_a, size_b))


def shared_area(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[float, float, float]:
    """Area of the intersection of two boxes of shape (4,), and their own areas."""
    first, second = as_boxes(np.stack([np.asarray(a), np.asarray(b)]))
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    one, other = (float(np.prod(box[2:] - box[:2])) for box in (first, second))
    return float(np.prod(np.maximum(sides, 0.0))), one, other


def iou(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Intersection over union of two boxes of shape (4,); 0 where neither has an area."""
    shared, one, other = shared_area(a, b)
    return shared / (one + other - shared) if one + other > shared else 0.0


def distinct(
    boxes: npt.NDArray[np.float32], rows: Sequence[int], overlap: float, most: int | None = None
) -> list[int]:
    """Those of these rows of boxes that are another object than those before them.

    Args:
        boxes: (n, 4).
        rows: of boxes of one name, best first.
        overlap: intersection over union above which two boxes are one object; 1 for never.
        most: how many at most; None for all.
    """
    kept: list[int] = []
    for row in rows:
        if len(kept) == most:
            break
        if not any(iou(boxes[row], boxes[other]) > overlap for other in kept):
            kept.append(row)
    return kept
