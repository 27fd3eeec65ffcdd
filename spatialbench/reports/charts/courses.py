"""Losses by step, a line for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, isnan, log10
from typing import TYPE_CHECKING

from .scale import Plot
from .svg import SERIES, image, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BELOW, _LEGEND = 600, 290, 58, 28, 40, 110
_DASHES = ("none", "6 3", "2 3")
"""Lines of one colour are told apart by these."""
_INTERVALS = 4


def courses_chart(
    name: str, steps: Sequence[int], layers: Sequence[tuple[str, Sequence[float]]]
) -> Markup:
    """The mean loss of each layer in each guided step.

    Args:
        name: of the chart.
        steps: numbers of the guided steps, ascending.
        layers: of each its name and its loss by step, NaN where it has none.
    """
    known = [value for _, values in layers for value in values if not isnan(value)]
    ticks = _ticks(min([0.0, *known]), max([0.0, *known]))
    last = max(steps[-1], steps[0] + 1)
    plot = Plot(
        _LEFT,
        _TOP,
        _WIDTH - _LEFT - _LEGEND,
        _HEIGHT - _TOP - _BELOW,
        x=(steps[0], last),
        y=(ticks[0], ticks[-1]),
    )
    shown = sorted({steps[0], (steps[0] + steps[-1]) // 2, steps[-1]})
    parts = [title(name), *plot.x_axis("step", shown), *plot.y_axis("mean loss", ticks)]
    edge = plot.left + plot.wide + 10
    for number, (layer, values) in enumerate(layers):
        stroke: dict[str, str | float] = {
            "fill": "none",
            "stroke": SERIES[number % len(SERIES)],
            "stroke_width": 1.8,
            "stroke_dasharray": _DASHES[number // len(SERIES) % len(_DASHES)],
        }
        points = " ".join(
            f"{plot.at_x(step):.1f},{plot.at_y(value):.1f}"
            for step, value in zip(steps, values, strict=True)
            if not isnan(value)
        )
        parts.append(tag("polyline", tag("title", layer), points=points, **stroke))
        y = _TOP + 8 + 16 * number
        parts.append(tag("polyline", points=f"{edge:g},{y} {edge + 16:g},{y}", **stroke))
        parts.append(text(edge + 20, y + 4, layer, font_size=10))
    return image(_WIDTH, max(_HEIGHT, _TOP + 16 * len(layers) + 8), name, *parts)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers around both, 0 among them where it lies between."""
    span = (high - low) / _INTERVALS
    if span <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** floor(log10(span))
    step = next(unit * one for one in (1, 2, 5, 10) if span <= unit * one * (1 + 1e-9))
    first, end = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [float(f"{step * one:.6g}") for one in range(first, end + 1)]
