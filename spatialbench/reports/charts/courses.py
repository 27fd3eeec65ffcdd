"""Losses by step, a line for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from .svg import FAINT, GRID, SERIES, image, line, tag, text

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM, _LEGEND = 560, 280, 52, 30, 40, 70
_DASHES = ("none", "6 3", "2 3")
"""Lines of one colour are told apart by these."""


def courses_chart(
    title: str, steps: Sequence[int], layers: Sequence[tuple[str, Sequence[float]]]
) -> Markup:
    """The mean loss of each layer in each guided step.

    Args:
        title: of the chart.
        steps: numbers of the guided steps, ascending.
        layers: of each its name and its loss by step, NaN where it has none.
    """
    known = [value for _, values in layers for value in values if not isnan(value)]
    low, high = min([0.0, *known]), max([*known, 1e-12])
    wide, tall = _WIDTH - _LEFT - 10 - _LEGEND, _HEIGHT - _TOP - _BOTTOM
    first, last = steps[0], max(steps[-1], steps[0] + 1)

    def x(step: float) -> float:
        return _LEFT + wide * (step - first) / (last - first)

    def y(value: float) -> float:
        return _TOP + tall * (high - value) / (high - low)

    parts = [text(0, 14, title, font_size=12, font_weight="600")]
    for tick in (low, (low + high) / 2, high):
        parts.append(line(_LEFT, y(tick), _LEFT + wide, y(tick), GRID))
        parts.append(text(_LEFT - 5, y(tick) + 4, f"{tick:.3g}", "end", fill=FAINT, font_size=10))
    for step in dict.fromkeys((first, (first + steps[-1]) // 2, steps[-1])):
        parts.append(text(x(step), _TOP + tall + 14, str(step), "middle", fill=FAINT, font_size=10))
    parts.append(text(_LEFT + wide / 2, _HEIGHT - 8, "step", "middle", fill=FAINT))
    parts.append(text(_LEFT - 46, _TOP - 8, "mean loss", fill=FAINT, font_size=10))
    for number, (name, values) in enumerate(layers):
        colour = SERIES[number % len(SERIES)]
        dashes = _DASHES[number // len(SERIES) % len(_DASHES)]
        points = " ".join(
            f"{x(step):.1f},{y(value):.1f}"
            for step, value in zip(steps, values, strict=True)
            if not isnan(value)
        )
        stroke: dict[str, str | float] = {
            "fill": "none",
            "stroke": colour,
            "stroke_width": 1.8,
            "stroke_dasharray": dashes,
        }
        parts.append(tag("polyline", tag("title", name), points=points, **stroke))
        at = _TOP + 8 + 16 * number
        edge = _LEFT + wide + 12
        parts.append(tag("polyline", points=f"{edge},{at} {edge + 16},{at}", **stroke))
        parts.append(text(edge + 20, at + 4, name, font_size=10))
    return image(_WIDTH, max(_HEIGHT, _TOP + 16 * len(layers) + 8), title, *parts)
