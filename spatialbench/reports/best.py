"""Which cells of a column are best, and which cannot be told from the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan


@dataclass(frozen=True, slots=True)
class Candidate:
    """A number that may be the best of its column, with its interval where there is one.

    ``eligible`` is false for numbers that may not be compared: partial, marked, other conditions.
    """

    value: float
    low: float | None = None
    high: float | None = None
    eligible: bool = True

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval, or the point where none is known."""
        low = self.value if self.low is None or isnan(self.low) else self.low
        high = self.value if self.high is None or isnan(self.high) else self.high
        return low, high


def best(column: Sequence[Candidate]) -> set[int]:
    """Positions of the largest eligible value and of those whose interval overlaps its own.

    Empty with fewer than two eligible numbers: the best of one says nothing.
    """
    running = [i for i, c in enumerate(column) if c.eligible and not isnan(c.value)]
    if len(running) < 2:
        return set()
    top = max(running, key=lambda i: column[i].value)
    low, high = column[top].bounds
    return {i for i in running if column[i].bounds[1] >= low and column[i].bounds[0] <= high}
