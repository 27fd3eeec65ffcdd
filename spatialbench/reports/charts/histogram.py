"""How sure the detector was of the asked objects, in right and in wrong images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .svg import FAINT, GRID, INK, RIGHT, WRONG, image, line, tag, text

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 520, 220, 44, 30, 34
BINS = 20


def histogram(
    right: Sequence[float], wrong: Sequence[float], threshold: float, title: str
) -> Markup:
    """Counts of best scores, stacked.

    Args:
        right: for each asked object of a right image the best score of its boxes, 0 without one.
        wrong: the same for wrong images.
        threshold: drawn as a line.
        title: of the chart.
    """
    edges = np.linspace(0, 1, BINS + 1)
    counts = [np.histogram(np.clip(values, 0, 1), edges)[0] for values in (right, wrong)]
    most = max(1, int((counts[0] + counts[1]).max()))
    wide, high = _WIDTH - _LEFT - 10, _HEIGHT - _TOP - _BOTTOM
    parts = [
        text(0, 12, title, font_size=12, font_weight="600"),
        line(_LEFT, _TOP + high, _LEFT + wide, _TOP + high, GRID),
        text(_LEFT - 5, _TOP + 8, f"{most:,}", "end", fill=FAINT, font_size=9),
        text(_LEFT - 5, _TOP + high, "0", "end", fill=FAINT, font_size=9),
    ]
    for place in range(BINS):
        x, base = _LEFT + wide * place / BINS, float(_TOP + high)
        for count, colour in ((counts[0][place], RIGHT), (counts[1][place], WRONG)):
            tall = high * float(count) / most
            base -= tall
            if count:
                parts.append(
                    tag("rect", x=x + 1, y=base, width=wide / BINS - 2, height=tall, fill=colour)
                )
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = _LEFT + wide * tick
        parts.append(text(x, _TOP + high + 13, f"{tick:g}", "middle", fill=FAINT, font_size=9))
    at = _LEFT + wide * threshold
    parts += [
        line(at, _TOP - 4, at, _TOP + high, INK),
        text(at + 3, _TOP + 2, f"threshold {threshold:g}", fill=FAINT, font_size=9),
        text(_LEFT + wide, _HEIGHT - 6, "best score of an asked object", "end", fill=FAINT),
        tag("rect", x=_LEFT, y=_HEIGHT - 15, width=10, height=10, fill=RIGHT),
        text(_LEFT + 14, _HEIGHT - 6, "right"),
        tag("rect", x=_LEFT + 54, y=_HEIGHT - 15, width=10, height=10, fill=WRONG),
        text(_LEFT + 68, _HEIGHT - 6, "wrong"),
    ]
    return image(_WIDTH, _HEIGHT, title, *parts)
