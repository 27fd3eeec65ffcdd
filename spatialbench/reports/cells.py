"""How one number is written in a cell: the value with its interval, or a dash."""

from __future__ import annotations

import math
from collections.abc import Iterable
from string import ascii_lowercase

from ..plugins import Metric
from ..scoring.summary import Group, Summary
from .marks import MARKS
from .tables import UNDEFINED

INTERVAL_NOTE = (
    "± or +/−: 95 % interval (bootstrap over the benchmark's clusters of prompts); "
    f"{UNDEFINED}: undefined or not reported."
)

_LETTERS = [
    letter
    for letter in ascii_lowercase
    if f"[{letter}]" not in {sign for sign, _ in MARKS.values()}
]
"""What a note is called: not by what marks a row."""

_NO_INTERVAL = "no interval: its summary has none"

_UNEVEN = 0.25
"""Sides that differ by more than this share of the larger one are written apart."""


def direction_note(metrics: Iterable[Metric]) -> list[str]:
    """``misses, error: smaller is better``, where there are such metrics."""
    smaller = [metric.key for metric in metrics if not metric.larger_is_better]
    return [f"{', '.join(smaller)}: smaller is better"] if smaller else []


class Footnotes:
    """Letters for the cells of one table that need a word, and the notes that say it."""

    def __init__(self) -> None:
        self._letters: dict[str, str] = {}

    def cell(self, group: Group, key: str) -> str:
        """A metric, with a letter where it is undefined or has no interval."""
        text = metric_cell(group, key)
        low, high = group.interval(key)
        why = group.reasons.get(key)
        if why is None and text != UNDEFINED and (low is None or high is None):
            why = _NO_INTERVAL
        if why is None:
            return text
        return f"{text} [{self._letters.setdefault(why, _letter(len(self._letters)))}]"

    def notes(self) -> list[str]:
        """``[a] undefined: no image shows both objects``."""
        return [f"[{letter}] {why}" for why, letter in self._letters.items()]


def _letter(number: int) -> str:
    return _LETTERS[number] if number < len(_LETTERS) else f"a{number}"


def metric_cell(group: Group, key: str) -> str:
    """``62.03 ± 0.41``, ``97.50 +1.5 −2.8`` where the sides differ, ``62.03`` without interval."""
    value = group.metric(key)
    low, high = group.interval(key)
    if math.isnan(value) or low is None or high is None:
        return plain_cell(value)
    up, down = max(high - value, 0.0), max(value - low, 0.0)
    larger = max(up, down)
    if larger - min(up, down) > _UNEVEN * larger:
        return f"{value:.2f} +{_side(up)} −{_side(down)}"
    return f"{value:.2f} ± {_side(larger)}"


def plain_cell(value: float | None) -> str:
    """``62.03``, or a dash for None and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:.2f}"


def images_cell(result: Summary) -> str:
    """``101,120``, or ``100/101,120 partial`` where images are missing."""
    if not result.partial:
        return f"{result.images:,}"
    return f"{result.images:,}/{result.images_expected:,} partial"


def _side(width: float) -> str:
    return f"{width:.1f}" if width >= 1 else f"{width:.2f}"
