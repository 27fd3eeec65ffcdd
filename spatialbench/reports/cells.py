"""How one number is written in a cell: the value with its interval, or a dash."""

from __future__ import annotations

import math
from collections.abc import Iterable
from string import ascii_lowercase

from ..plugins import Metric
from ..scoring.summary import Group, Summary
from .marks import MARKS
from .tables import SIDES, UNDEFINED, Measured

INTERVAL_NOTE = (
    f"{SIDES} 95 % interval (bootstrap over the benchmark's clusters of prompts); "
    f"{UNDEFINED}: undefined or not reported."
)

_LETTERS = [
    letter
    for letter in ascii_lowercase
    if f"[{letter}]" not in {sign for sign, _ in MARKS.values()}
]
"""What a note is called: not by what marks a row."""

_NO_INTERVAL = "no interval: its summary has none"


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
        return _noted(text, f" [{self._letters.setdefault(why, _letter(len(self._letters)))}]")

    def notes(self) -> list[str]:
        """``[a] undefined: no image shows both objects``."""
        return [f"[{letter}] {why}" for why, letter in self._letters.items()]


def _letter(number: int) -> str:
    return _LETTERS[number] if number < len(_LETTERS) else f"a{number}"


def _noted(text: str, mark: str) -> str:
    if isinstance(text, Measured):
        return text.marked(mark)
    return f"{text}{mark}"


def metric_cell(group: Group, key: str) -> str:
    """``62.03 ± 0.41``, or a dash; see ``Measured``."""
    value = group.metric(key)
    return UNDEFINED if math.isnan(value) else Measured(value, *group.interval(key))


def plain_cell(value: float | None) -> str:
    """``62.03``, or a dash for None and NaN."""
    return UNDEFINED if value is None or math.isnan(value) else Measured(value)


def images_cell(result: Summary) -> str:
    """``101,120``, or ``100/101,120 partial`` where images are missing."""
    if not result.partial:
        return f"{result.images:,}"
    return f"{result.images:,}/{result.images_expected:,} partial"
