"""One metric of many runs as points with their intervals, under each other."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING

from ...files.shown_text import counted
from .bars import Bar, whisker
from .scale import Plot, percent_span
from .svg import FAINT, INK, PAGE, SERIES, image, room, shortened, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _TOP, _ROW, _VALUE = 680, 26, 20, 118
_LONGEST, _TITLE = 40, 84


def forest(
    metric: str, rows: Sequence[tuple[str, Bar, str]], about: str, others: Sequence[float] = ()
) -> Markup:
    """Points of a metric.

    Args:
        metric: its name.
        rows: of each run its name, its value with interval in percent, and the same as text.
        about: of what, such as the benchmark, behind the metric's name.
        others: for each row what was published of it, hollow; NaN for nothing.
    """
    left = 14 + 6.2 * room((name for name, _, _ in rows), _LONGEST)
    span = percent_span([*(number for _, bar, _ in rows for number in bar), *others])
    plot = Plot(left, _TOP, _WIDTH - left - _VALUE, _ROW * len(rows) + 6, span)
    measured = f"{metric} in percent, with 95 % interval"
    told = measured if all(map(isnan, others)) else f"{measured}; hollow: published"
    parts = [title(shortened(f"{metric}, {about}", _TITLE)), *plot.x_axis(told)]
    for row, (name, (value, low, high), words) in enumerate(rows):
        y = _TOP + 3 + _ROW * (row + 0.5)
        parts.append(text(left - 8, y + 4, shortened(name, _LONGEST), "end"))
        if row < len(others) and not isnan(others[row]):
            x = plot.at_x(others[row])
            parts.append(
                tag("circle", cx=x, cy=y, r=5, fill=PAGE, stroke=SERIES[1], stroke_width=2.5)
            )
        if isnan(value) and others:
            parts += [text(_WIDTH, y + 4, words, "end", fill=FAINT)] if words else []
            continue
        if isnan(value):
            parts.append(text(plot.at_x(span[0]) + 4, y + 4, "undefined", fill=FAINT))
            continue
        if not isnan(low) and not isnan(high):
            parts += whisker(plot, y, low, high)
        x = plot.at_x(value)
        parts.append(tag("circle", cx=x, cy=y, r=4.5, fill=SERIES[0], stroke=PAGE))
        parts.append(text(_WIDTH, y + 4, words, "end", fill=INK))
    told = f"{metric} of {counted(len(rows), 'row')}, {about}"
    return image(_WIDTH, plot.bottom + 34, told, *parts)
