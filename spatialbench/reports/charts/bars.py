"""One metric by group as bars with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

from .scale import Plot, percent_span
from .svg import FAINT, INK, SERIES, image, line, room, shortened, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

Bar = tuple[float, float, float]
"""Value, low and high; NaN where unknown."""

_WIDTH, _TOP, _BAR, _GAP, _VALUE = 380, 24, 15, 9, 40
_LONGEST = 22
"""Characters of a name beside its bar."""


def bars(metric: str, series: Sequence[tuple[str, Mapping[str, Bar]]]) -> Markup:
    """Bars of a metric.

    Args:
        metric: its name.
        series: for each run its name and its bars by group, in percent. Runs share the groups of
            the first.
    """
    groups = list(series[0][1])
    left = 12 + 6.3 * room(groups, _LONGEST)
    step = len(series) * _BAR + _GAP
    every = [number for _, by_group in series for bar in by_group.values() for number in bar]
    span = percent_span(every)
    plot = Plot(left, _TOP, _WIDTH - left - _VALUE, step * len(groups), span)
    parts = [title(metric), *plot.x_axis(f"{metric} in percent, with 95 % interval")]
    for row, group in enumerate(groups):
        y = _TOP + row * step + _GAP / 2
        middle = y + (step - _GAP) / 2 + 4
        parts.append(text(left - 6, middle, shortened(group, _LONGEST), "end"))
        for number, (_, by_group) in enumerate(series):
            colour = SERIES[number % len(SERIES)]
            parts += _bar(plot, y + number * _BAR, by_group.get(group), colour)
    return image(_WIDTH, plot.bottom + 34, f"{metric} by group", *parts)


def _bar(plot: Plot, y: float, bar: Bar | None, colour: str) -> list[Markup]:
    middle, zero = y + _BAR / 2, plot.at_x(0)
    if bar is None or isnan(bar[0]):
        return [text(zero + 4, middle + 3.5, "undefined", fill=FAINT, font_size=10)]
    value, low, high = bar
    end = plot.at_x(value)
    wide = max(0.5, abs(end - zero))
    parts = [tag("rect", x=min(zero, end), y=y + 1, width=wide, height=_BAR - 2, fill=colour)]
    edge = max(zero, end)
    if not isnan(low) and not isnan(high):
        edge = max(edge, plot.at_x(high))
        parts += whisker(plot, middle, low, high)
    parts.append(text(edge + 5, middle + 3.5, f"{value:.1f}", font_size=10))
    return parts


def whisker(plot: Plot, y: float, low: float, high: float) -> list[Markup]:
    """An interval as a line with two ends, on a pale one so that it is seen on a bar as well."""
    x1, x2 = plot.at_x(low), plot.at_x(high)
    pale = line(x1, y, x2, y, "var(--card,#ffffff)", 3)
    ends = [line(x, y - 3.5, x, y + 3.5, INK) for x in (x1, x2)]
    return [pale, line(x1, y, x2, y, INK, 1.2), *ends]
