"""How near an object is: the median of a depth map inside its box, or inside its mask.

RECONSTRUCTION, as ``constraints``: which statistic ESPLoRA takes is not known. The map is relative
(Depth Anything, MiDaS): larger is nearer; a metric depth must be negated first. The border of a box
is background, so a share of every side is left out. The medians of two boxes that overlap much mix
both objects; then masks decide, or, without masks, the part of each box that is not in the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import UserError
from .box_pairs import BoolArray, FloatArray, as_boxes

Depth = npt.NDArray[np.float32]
"""Relative depth in 0 to 1 over the image, float32 of shape (height, width); larger is nearer."""

EROSION = 0.15
"""Share of a box's sides left out, half of it at either end: the middle of 10 to 20 per cent."""

OVERLAPPING = 0.25
"""Share of the smaller of two boxes from which their medians would mix both objects; ours."""


def scaled_depth(values: npt.ArrayLike, width: int, height: int) -> Depth:
    """A depth map brought to 0 to 1 by its own least and largest value; a flat one is all 0.

    Args:
        values: (height, width), any real type, larger is nearer.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Raises:
        UserError: a map of another size than the image, or with values that are not finite.
    """
    depth = np.asarray(values, dtype=np.float32)
    if depth.shape != (height, width):
        size = "x".join(map(str, depth.shape[::-1]))
        raise UserError(
            f"a depth map of {size} for an image of {width}x{height}: expected one value per pixel "
            "of the same image; make the map again from it."
        )
    if not np.isfinite(depth).all():
        raise UserError("a depth map with NaN or infinite values: make it again, with float32.")
    low, high = float(depth.min()), float(depth.max())
    if high <= low:
        return np.zeros_like(depth)
    scaled: Depth = ((depth - np.float32(low)) / np.float32(high - low)).astype(np.float32)
    return scaled


def nearness(
    depth: Depth,
    boxes: npt.ArrayLike,
    others: npt.ArrayLike = (),
    masks: Sequence[BoolArray | None] | None = None,
) -> FloatArray:
    """The nearness of each of n objects, in 0 to 1; NaN where nothing of it is in the image.

    Args:
        depth: as :func:`scaled_depth` gives it.
        boxes: (n, 4), corners in pixels of the map, y down.
        others: (m, 4), boxes of the other object of the relation.
        masks: n masks, bool of the map's shape, or None for an object without one. A mask is used
            where the object's box overlaps one of ``others``.

    Raises:
        UserError: a mask of another size than the map.
    """
    own, other = as_boxes(boxes), as_boxes(others)
    found = np.full(len(own), np.nan)
    for row, box in enumerate(own):
        values = values_of(depth, box, other, masks[row] if masks is not None else None)
        if values.size:
            found[row] = float(np.median(values))
    return found


def values_of(
    depth: Depth, box: npt.ArrayLike, others: npt.ArrayLike, mask: BoolArray | None = None
) -> Depth:
    """The values of a map that count as one object's, flat; empty where none is in the image.

    Args:
        depth: as :func:`scaled_depth` gives it.
        box: (4,), corners in pixels of the map, y down.
        others: (m, 4), boxes of the other object.
        mask: bool of the map's shape, used where the box overlaps one of ``others``.

    Raises:
        UserError: a mask of another size than the map.
    """
    own = as_boxes(np.asarray(box)[None])[0]
    rivals = [rival for rival in as_boxes(others) if _shared(own, rival) > OVERLAPPING]
    if rivals and mask is not None:
        return _inside_mask(depth, mask)
    return _inside_box(depth, own, rivals)


def overlapping(a: npt.ArrayLike, b: npt.ArrayLike) -> BoolArray:
    """Which of the n boxes ``a`` overlap some of the m boxes ``b`` so much that masks matter."""
    second = as_boxes(b)
    return np.array(
        [any(_shared(box, rival) > OVERLAPPING for rival in second) for box in as_boxes(a)],
        dtype=bool,
    )


def _shared(a: FloatArray, b: FloatArray) -> float:
    """Intersection over the smaller of the two areas."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    smaller = min(float(np.prod(a[2:] - a[:2])), float(np.prod(b[2:] - b[:2])))
    return float(np.prod(np.maximum(sides, 0.0))) / smaller if smaller > 0 else 0.0


def _inside_mask(depth: Depth, mask: BoolArray) -> Depth:
    if mask.shape != depth.shape:
        raise UserError(
            f"a mask of {mask.shape[1]}x{mask.shape[0]} for a depth map of "
            f"{depth.shape[1]}x{depth.shape[0]}: make both from the same image."
        )
    return depth[mask]


def _inside_box(depth: Depth, box: FloatArray, rivals: Sequence[FloatArray]) -> Depth:
    """Values in the eroded box that are in no rival; all of the box where nothing else is left."""
    margin = (box[2:] - box[:2]) * EROSION / 2
    rows, columns = _pixels(depth, [*(box[:2] + margin), *(box[2:] - margin)])
    alone = np.ones(depth.shape, dtype=bool)
    for rival in rivals:
        alone[_pixels(depth, rival)] = False
    part, kept = depth[rows, columns], alone[rows, columns]
    return part[kept] if kept.any() else part.ravel()


def _pixels(depth: Depth, box: Sequence[float] | FloatArray) -> tuple[slice, slice]:
    """Rows and columns a box touches, at least one pixel where it lies in the image."""
    height, width = depth.shape
    x0, y0, x1, y1 = (float(corner) for corner in box)
    return _span(y0, y1, height), _span(x0, x1, width)


def _span(low: float, high: float, size: int) -> slice:
    if high < 0 or low >= size:
        return slice(0, 0)
    start = min(max(round(low), 0), size - 1)
    return slice(start, max(min(round(high), size), start + 1))
