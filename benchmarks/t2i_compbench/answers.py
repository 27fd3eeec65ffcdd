"""From two found objects and their position score to T2I-CompBench's answer for an image."""

from __future__ import annotations

from collections.abc import Sequence

HALF = 0.5


def combine(scores: Sequence[float], position: float, *, floor: float = 0.0) -> float:
    """A quarter of each confidence and half of the position score.

    Args:
        scores: confidences of the objects that were found: two, one or none.
        position: 0 to 1; counts only where both were found.
        floor: an answer below it becomes 0. The 2D scorer's is 0.5, so that one object alone
            scores nothing; the 3D scorer has none.
    """
    if len(scores) == 2:
        answer = 0.25 * scores[0] + 0.25 * scores[1] + position / 2
    else:
        answer = sum(0.25 * score for score in scores)
    return answer if answer >= floor else 0.0
