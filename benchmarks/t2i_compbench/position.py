"""How well two boxes satisfy a relation word of T2I-CompBench, from 0 to 1.

Source: ``determine_position`` in ``UniDet_eval/2D_spatial_eval.py`` of Karine-Huang/T2I-CompBench
@ 1b70949. Boxes are in pixels of the 479-pixel frame (see ``frame``).
"""

from __future__ import annotations

from .boxes import Box, centre_offset, iou

LOCALITIES = (
    "on side of",
    "next to",
    "near",
    "on the left of",
    "on the right of",
    "on the bottom of",
    "on the top of",
    "on top of",
)
"""The relation words in the order in which the official scorer looks for them."""

BESIDE = frozenset(LOCALITIES[:3])
NEAR_PIXELS = 150.0
FREE_OVERLAP = 0.1


def locality_of(text: str) -> str | None:
    """The first relation word of ``LOCALITIES`` that the text contains, or None.

    A substring is enough, so ``nearby`` contains ``near``; the order of the list decides, not that
    of the sentence.
    """
    return next((words for words in LOCALITIES if words in text), None)


def direction_holds(locality: str | None, dx: float, dy: float) -> bool:
    """Whether the second centre lies off the first as the word says, along the larger offset.

    Strict on both counts. False for a word without a direction, and for ``on top of``, which the
    official scorer has no rule for.
    """
    match locality:
        case "on the left of":
            return dx > 0 and abs(dx) > abs(dy)
        case "on the right of":
            return dx < 0 and abs(dx) > abs(dy)
        case "on the top of":
            return dy > 0 and abs(dy) > abs(dx)
        case "on the bottom of":
            return dy < 0 and abs(dy) > abs(dx)
    return False


def position_score(locality: str | None, a: Box, b: Box) -> float:
    """The position score of box ``a`` towards box ``b``.

    Beside: 1 within 150 pixels along *one* axis, else 150 over the larger offset. With a
    direction: 1 if it holds and the boxes overlap by an IoU under 0.1, 0.1 / IoU if they overlap
    more, 0 if it does not hold. 0 for anything else.

    Raises:
        ZeroDivisionError: both boxes have no area.
    """
    overlapping = iou(a, b)
    dx, dy = centre_offset(a, b)
    if locality in BESIDE:
        if abs(dx) < NEAR_PIXELS or abs(dy) < NEAR_PIXELS:
            return 1.0
        return NEAR_PIXELS / max(abs(dx), abs(dy))
    if not direction_holds(locality, dx, dy):
        return 0.0
    return 1.0 if overlapping < FREE_OVERLAP else FREE_OVERLAP / overlapping


def position_score_3d(
    locality: str | None, a: Box, b: Box, nearness: tuple[float, float], *, official: bool = True
) -> float:
    """The position score of the 3D scorer (``3D_spatial_eval.py``).

    Args:
        nearness: mean inverse depth inside ``a`` and ``b`` (larger is nearer); NaN for an empty
            region, which makes the order wrong.
        official: whether an IoU of exactly 0.5 scores 0, as in the script; else it scores 1.

    Returns:
        ``in front of``, ``behind``, ``hidden``: 0 unless the order in depth is right and the boxes
        overlap; then twice the IoU, at most 1. The words of the plane as in ``position_score``.

    Raises:
        ZeroDivisionError: both boxes have no area.
    """
    if locality not in DEPTH_WORDS:
        return position_score(locality, a, b)
    overlapping = iou(a, b)
    difference = nearness[0] - nearness[1]
    right = difference > 0 if locality == "in front of" else difference < 0
    if not right or (official and overlapping == 0.5):
        return 0.0
    return 1.0 if overlapping > 0.5 else overlapping / 0.5


DEPTH_WORDS = ("in front of", "behind", "hidden")
"""Relation words of the 3D prompts, in the order in which the official scorer looks for them."""


def depth_word_of(text: str) -> str | None:
    """The first of ``DEPTH_WORDS`` that the text contains, or None."""
    return next((words for words in DEPTH_WORDS if words in text), None)
