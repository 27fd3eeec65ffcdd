"""How sure the detector was of the asked objects, in right and in wrong images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .scale import Plot
from .svg import FAINT, INK, RIGHT, WRONG, image, line, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 440, 250, 56, 46, 36
BINS = 20


def histogram(
    right: Sequence[float], wrong: Sequence[float], threshold: float, named: str
) -> Markup:
    """Counts of best scores, stacked.

    Args:
        right: for each asked object of a right image the best score of its boxes, 0 without one.
        wrong: the same for wrong images.
        threshold: drawn as a line.
        named: the title of the chart.
    """
    edges = np.linspace(0, 1, BINS + 1)
    counts = [np.histogram(np.clip(values, 0, 1), edges)[0] for values in (right, wrong)]
    most = max(1, int((counts[0] + counts[1]).max()))
    high = _HEIGHT - _TOP - _BOTTOM
    plot = Plot(_LEFT, _TOP, _WIDTH - _LEFT - 10, high, (0.0, 1.0), (0.0, float(most)))
    ticks = sorted({0, most // 2, most})
    parts = [
        title(named),
        *plot.y_axis("asked objects", ticks),
        *plot.x_axis("best score of an asked object (0 to 1)"),
    ]
    for place in range(BINS):
        base = 0.0
        for count, colour in ((counts[0][place], RIGHT), (counts[1][place], WRONG)):
            if count:
                y, x = plot.at_y(base + float(count)), plot.at_x(place / BINS)
                tall, wide = plot.at_y(base) - y, plot.wide / BINS - 2
                parts.append(tag("rect", x=x + 1, y=y, width=wide, height=tall, fill=colour))
            base += float(count)
    at = plot.at_x(threshold)
    after = threshold <= 0.7
    parts += [
        line(at, _TOP - 6, at, plot.bottom, INK, 1.5),
        text(
            at + (4 if after else -4),
            _TOP - 2,
            f"threshold {threshold:g}",
            "start" if after else "end",
            fill=FAINT,
            font_size=10,
        ),
        *legend([("in right images", RIGHT), ("in wrong images", WRONG)], _LEFT, 22),
    ]
    return image(_WIDTH, _HEIGHT, named, *parts)


def legend(entries: Sequence[tuple[str, str]], x: float, y: float) -> list[Markup]:
    """Coloured squares with what they stand for, from a point on to the right."""
    parts = []
    for words, colour in entries:
        parts.append(tag("rect", x=x, y=y, width=10, height=10, fill=colour))
        parts.append(text(x + 14, y + 9, words))
        x += 30 + 6.4 * len(words)
    return parts
