"""How one number is written in a cell: value, half-width of its interval, or a dash."""

from __future__ import annotations

import math

from .results import Group, Result

UNDEFINED = "–"
INTERVAL_NOTE = (
    "± is the larger side of the 95 % interval (bootstrap over the benchmark's clusters); "
    f"{UNDEFINED} is undefined or not reported."
)


def metric_cell(group: Group, key: str, digits: int = 2) -> str:
    """``62.03 ± 0.41``; without the second part where there is no interval."""
    value = group.metric(key)
    if math.isnan(value):
        return UNDEFINED
    text = f"{value:.{digits}f}"
    low, high = group.intervals.get(key, (None, None))
    if low is None or high is None:
        return text
    return f"{text} ± {max(high - value, value - low, 0.0):.{digits}f}"


def plain_cell(value: float | None, digits: int = 2) -> str:
    """``62.03``, or a dash for None and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.{digits}f}"


def images_cell(result: Result) -> str:
    """``101,120``, or ``100/101,120 partial`` where images are missing."""
    if not result.partial:
        return f"{result.images:,}"
    return f"{result.images:,}/{result.images_expected:,} partial"
