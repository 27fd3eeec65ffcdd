"""Every box of one object against every box of another: offsets and overlaps, axis by axis."""

from __future__ import annotations

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
