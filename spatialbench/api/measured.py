"""Metrics as Python is given them: a number, its interval, and why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..scoring.summary import Group


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric in percent with its 95 % interval.

    Attributes:
        value: NaN where it is undefined.
        interval: lower and upper bound; None where there is none.
        reason: why it is undefined or has no interval; else empty.
    """

    value: float
    interval: tuple[float, float] | None
    reason: str = ""


def measured(group: Group) -> dict[str, Measured]:
    """The metrics of some prompts, by key."""
    found = {}
    for key in group.metrics:
        low, high = group.interval(key)
        interval = None if low is None or high is None else (low, high)
        found[key] = Measured(group.metric(key), interval, group.reasons.get(key, ""))
    return found
