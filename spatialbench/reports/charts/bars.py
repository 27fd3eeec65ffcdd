"""One metric by group as bars with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

from .svg import FAINT, INK, SERIES, image, line, tag, text

if TYPE_CHECKING:
    from markupsafe import Markup

Bar = tuple[float, float, float]
"""Value, low and high; NaN where unknown."""

_WIDTH, _PLOT, _BAR, _GAP = 340, 210, 13, 9


def bars(metric: str, series: Sequence[tuple[str, Mapping[str, Bar]]]) -> Markup:
    """Bars of a metric.

    Args:
        metric: its name.
        series: for each run its name and its bars by group, in percent. Runs share the groups of
            the first.
    """
    groups = list(series[0][1])
    longest = max((len(group) for group in groups), default=1)
    left = min(110.0, 14 + 6.2 * longest)
    plot = min(_PLOT, _WIDTH - left - 52)
    top = max(
        [value for _, by_group in series for bar in by_group.values() for value in bar[::2]]
        + [bar[0] for _, by_group in series for bar in by_group.values()],
        key=lambda value: -1 if isnan(value) else value,
        default=1.0,
    )
    full = _nice(0.0 if isnan(top) else top)
    step = len(series) * _BAR + _GAP
    parts = []
    bottom = 26 + step * len(groups)
    for tick in (0.0, full / 2, full):
        x = left + plot * tick / full
        parts.append(line(x, 22, x, bottom - 4))
        parts.append(text(x, bottom + 9, f"{tick:g}", "middle", fill=FAINT, font_size=9))
    for row, group in enumerate(groups):
        y = 26 + row * step
        parts.append(text(left - 6, y + (step - _GAP) / 2 + 4, group, "end"))
        for number, (_, by_group) in enumerate(series):
            colour = SERIES[number % len(SERIES)]
            parts += _bar(left, y + number * _BAR, plot / full, by_group.get(group), colour)
    parts.append(text(0, 12, metric, font_size=12, font_weight="600"))
    return image(_WIDTH, bottom + 14, f"{metric} by group", *parts)


def _bar(left: float, y: float, scale: float, bar: Bar | None, colour: str) -> list[Markup]:
    middle = y + _BAR / 2
    if bar is None or isnan(bar[0]):
        return [text(left + 4, middle + 3, "undefined", fill=FAINT, font_size=9)]
    value, low, high = bar
    end = left + scale * value
    parts = [tag("rect", x=left, y=y + 1, width=max(0.5, end - left), height=_BAR - 2, fill=colour)]
    edge = end
    if not isnan(low) and not isnan(high):
        x1, x2 = left + scale * low, left + scale * high
        edge = max(end, x2)
        parts += [line(x1, middle, x2, middle, INK), line(x1, y + 3, x1, y + _BAR - 3, INK)]
        parts.append(line(x2, y + 3, x2, y + _BAR - 3, INK))
    parts.append(text(edge + 4, middle + 3.5, f"{value:.1f}", fill=FAINT, font_size=10))
    return parts


def _nice(top: float) -> float:
    """The end of an axis: the next of 1, 2, 5, 10, 20, 50, 100 that holds the largest value."""
    if top <= 0:
        return 1.0
    scale = 1.0
    while top > 10 * scale:
        scale *= 10
    while top <= scale:
        scale /= 10
    return next(scale * step for step in (2, 5, 10) if top <= scale * step * (1 + 1e-9))
