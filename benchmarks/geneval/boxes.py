"""Which boxes of a class GenEval keeps, and how one box lies to another; all in float32.

Source: ``evaluation/evaluate_images.py`` of djghosh13/geneval @ af4902f. Boxes are corners in
pixels of the image, y down.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .tie_order import argsort

Float32 = npt.NDArray[np.float32]

CENTRE_SLACK = 1e-3
DIRECTION = 0.5


def kept(
    boxes: Float32, scores: Float32, threshold: float, max_objects: int, max_overlap: float
) -> list[int]:
    """Indices of the boxes of one class that count, best first.

    Args:
        boxes: float32 of shape (n, 4).
        scores: float32 of shape (n,). Equal scores come in reversed order of index for up to
            16 boxes, and in the reversed order of ``tie_order`` for more.
        threshold: strictly exceeded in float32.
        max_objects: at most so many, before overlaps are looked at.
        max_overlap: an IoU from which the lesser box is dropped; 1.0 drops none.
    """
    limit = float(np.float32(threshold))
    values = scores.tolist()
    found = [i for i in reversed(argsort(values)) if values[i] > limit][:max_objects]
    if max_overlap == 1.0:
        return found
    distinct: list[int] = []
    while found:
        best = found.pop(0)
        distinct.append(best)
        found = [i for i in found if iou(boxes[best], boxes[i]) < max_overlap]
    return distinct


def iou(a: Float32, b: Float32) -> np.float32:
    """Intersection over union of two boxes of shape (4,); sides count their last pixel."""
    one = np.float32(1)
    zero = np.float32(0)
    width = max(min(a[2], b[2]) - max(a[0], b[0]) + one, zero)
    height = max(min(a[3], b[3]) - max(a[1], b[1]) + one, zero)
    inter = width * height
    union = _area(a) + _area(b) - inter
    return np.float32(inter / union) if union else zero


def relations(a: Float32, b: Float32, position_threshold: float) -> list[str]:
    """How box ``a`` lies to box ``b``: none, one or two of left of, right of, above, below.

    The offset of the centres is shortened along each axis by ``position_threshold`` times the
    boxes' summed sizes, then divided by the length of the offset as it was. A component over one
    half is a relation.
    """
    corners_a, corners_b = a.reshape(2, 2), b.reshape(2, 2)
    offset = corners_a.mean(axis=0) - corners_b.mean(axis=0)
    sizes = np.abs(np.diff(corners_a, axis=0)) + np.abs(np.diff(corners_b, axis=0))
    shortened = np.maximum(np.abs(offset) - np.float32(position_threshold) * sizes[0], 0)
    shortened = shortened * np.sign(offset)
    if (np.abs(shortened) < CENTRE_SLACK).all():
        return []
    x, y = shortened / np.linalg.norm(offset)
    found = []
    if x < -DIRECTION:
        found.append("left of")
    if x > DIRECTION:
        found.append("right of")
    if y < -DIRECTION:
        found.append("above")
    if y > DIRECTION:
        found.append("below")
    return found


def _area(box: Float32) -> np.float32:
    one = np.float32(1)
    return np.float32(max(box[2] - box[0] + one, 0) * max(box[3] - box[1] + one, 0))
