"""Overlap and centres of two boxes, computed as the T2I-CompBench scorer computes them."""

from __future__ import annotations

from collections.abc import Sequence

Box = Sequence[float]
"""Corners x0, y0, x1, y1 in pixels of the detector's frame, y down; doubles."""


def overlap(a: Box, b: Box, *, edge: int = 0) -> tuple[float, float, float]:
    """Areas of the intersection and of either box.

    Args:
        edge: 1 where a side counts its last pixel, as in the numeracy scorer.
    """
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]) + edge)
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]) + edge)
    area_a = (a[2] - a[0] + edge) * (a[3] - a[1] + edge)
    area_b = (b[2] - b[0] + edge) * (b[3] - b[1] + edge)
    return width * height, area_a, area_b


def iou(a: Box, b: Box) -> float:
    """Intersection over union.

    Raises:
        ZeroDivisionError: both boxes have no area; the official scorer stops there too.
    """
    inter, area_a, area_b = overlap(a, b)
    return inter / (area_a + area_b - inter)


def centre_offset(a: Box, b: Box) -> tuple[float, float]:
    """From the centre of ``a`` to that of ``b``: dx (right is positive), dy (down is positive)."""
    return (b[0] + b[2]) / 2 - (a[0] + a[2]) / 2, (b[1] + b[3]) / 2 - (a[1] + a[3]) / 2
