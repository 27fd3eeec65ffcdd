"""The frame in which T2I-CompBench measures: its detector sees an image of about 479 pixels."""

from __future__ import annotations

from spatialbench.detections import Detections

SHORT, LONG = 479, 480


def frame_size(width: int, height: int) -> tuple[int, int]:
    """Size of an image after the official resizing: short side 479, long side at most 480.

    A size that is a frame already is returned as it is.
    """
    short, long = sorted((width, height))
    new_short, new_long = SHORT, int(SHORT * long / short)
    if new_long > LONG:
        new_short, new_long = int(LONG * new_short / new_long), LONG
    return (new_short, new_long) if width <= height else (new_long, new_short)


def scaling(detections: Detections) -> tuple[float, float]:
    """Factors in x and y from the detections' pixels to the frame's.

    Both are exactly 1.0 for a detector that reports its boxes in the frame, with the frame's size
    as ``width`` and ``height``; then no bit of a box changes.
    """
    width, height = frame_size(detections.width, detections.height)
    return width / detections.width, height / detections.height


def framed(detections: Detections, index: int) -> tuple[float, float, float, float]:
    """Corners of one box in pixels of the frame, as doubles."""
    x, y = scaling(detections)
    x0, y0, x1, y1 = detections.boxes[index].tolist()
    return x0 * x, y0 * y, x1 * x, y1 * y
