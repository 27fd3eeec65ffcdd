"""A rectangle to draw in: from numbers to places, with its ticks and the words on its sides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from .svg import FAINT, line, text

if TYPE_CHECKING:
    from markupsafe import Markup

Span = tuple[float, float]
"""The first and the last number of an axis."""

PERCENT: Span = (0.0, 100.0)
SMALL = 10
"""Size of the letters on an axis."""


def percent_span(values: Iterable[float]) -> Span:
    """The axis of metrics in percent, which is one for all of them: from 0 to 100.

    A metric in another scale, with numbers outside, gets the next round ends around them.
    """
    there = [value for value in values if isfinite(value)]
    low, high = min(there, default=0.0), max(there, default=0.0)
    if PERCENT[0] - 1e-9 <= low and high <= PERCENT[1] + 1e-9:
        return PERCENT
    return -_round_up(-low) if low < 0 else 0.0, _round_up(high) if high > 0 else 0.0


def _round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50, 100 and so on that is no smaller."""
    unit = 10.0 ** floor(log10(value))
    return next(unit * step for step in (1, 2, 5, 10) if value <= unit * step * (1 + 1e-9))


@dataclass(frozen=True)
class Plot:
    """Where the marks of a chart lie.

    Attributes:
        left, top, wide, high: of the rectangle, in the image's units.
        x, y: the numbers at its ends.
    """

    left: float
    top: float
    wide: float
    high: float
    x: Span = PERCENT
    y: Span = (0.0, 1.0)

    def at_x(self, value: float) -> float:
        """Where a number of the horizontal axis lies; one outside lies at the end."""
        low, high = self.x
        return self.left + self.wide * min(1.0, max(0.0, (value - low) / (high - low)))

    def at_y(self, value: float) -> float:
        """The same of the vertical axis, which grows upwards."""
        low, high = self.y
        return self.top + self.high * (1 - min(1.0, max(0.0, (value - low) / (high - low))))

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.top + self.high

    def x_axis(self, words: str, ticks: Sequence[float] | None = None) -> list[Markup]:
        """Thin lines at the ticks with their numbers below, and under them what is measured."""
        parts = []
        for tick in _quarters(self.x) if ticks is None else ticks:
            at = self.at_x(tick)
            parts.append(line(at, self.top, at, self.bottom))
            parts.append(self._small(at, self.bottom + 13, f"{tick:g}", "middle"))
        middle = self.left + self.wide / 2
        return [*parts, self._small(middle, self.bottom + 28, words, "middle")]

    def y_axis(self, words: str, ticks: Sequence[float] | None = None) -> list[Markup]:
        """The same on the left side, with its words along it."""
        parts = []
        for tick in _quarters(self.y) if ticks is None else ticks:
            at = self.at_y(tick)
            parts.append(line(self.left, at, self.left + self.wide, at))
            parts.append(self._small(self.left - 5, at + 3.5, f"{tick:,g}", "end"))
        x, y = 9.0, self.top + self.high / 2
        turned = f"rotate(-90 {x:.1f} {y:.1f})"
        words_along = text(x, y, words, "middle", fill=FAINT, font_size=SMALL, transform=turned)
        return [*parts, words_along]

    def _small(self, x: float, y: float, words: str, anchor: str) -> Markup:
        return text(x, y, words, anchor, fill=FAINT, font_size=SMALL)


def _quarters(span: Span) -> list[float]:
    low, high = span
    return [low + (high - low) * step / 4 for step in range(5)]
