"""How narrow an interval has to be before a run stops by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import ceil, isnan, sqrt
from random import Random

from ..errors import UserError

FIRST = 100
"""Prompts before the first look: with fewer clusters an interval is a rough guess."""
IN_A_ROW = 2
"""Looks in a row whose interval must be narrow enough.

The first such look is often one that chance made narrow: intervals of runs that stop there cover
the truth in 91 to 95 %, by simulation. What two give is in results/statistics/until.md.
"""
_STEP, _LEAP = 1.1, 4.0
"""A look has at least and at most so many times the prompts of the one before."""
_BLIND = 2.0
"""How many times where the look before had no interval."""
_DRAWN, _SEEN = 0.02, 0.5
"""How half an interval's width scatters, as a share of it: by the draws of its 2,000 resamples; and
by what was seen, over the root of the prompts (0.7 for a normal sample, less for shares)."""
_WALKS = 1000
_TEXT = re.compile(r"\s*([A-Za-z0-9_]+)\s*(?:±|\+/?-)\s*(\d+(?:\.\d*)?|\.\d+)\s*%?\s*")


@dataclass(frozen=True, slots=True)
class Until:
    """``VISOR_uncond±1``: a metric, and half of the width that its 95 % interval may have.

    Attributes:
        metric: its key.
        reach: half the width, in percentage points.
    """

    metric: str
    reach: float

    @classmethod
    def parse(cls, text: str) -> Until:
        """Read ``VISOR_uncond±1``, ``VISOR_uncond+-1`` or ``VISOR_uncond +/- 1``.

        Raises:
            UserError: any other text, or a width that is not above 0.
        """
        found = _TEXT.fullmatch(text)
        if found is None or not float(found[2]) > 0:
            raise UserError(
                f"--until {text!r} is no aim: give a metric and half the width of its interval in "
                "percentage points, such as --until 'OA+-1'."
            )
        return cls(found[1], float(found[2]))

    def __str__(self) -> str:
        """As it is written into a run and its signature: ``VISOR_uncond+-1``."""
        return f"{self.metric}+-{self.reach:g}"

    @property
    def shown(self) -> str:
        """As a sentence has it: ``VISOR_uncond ±1``."""
        return f"{self.metric} ±{self.reach:g}"

    def reached(self, half: float) -> bool:
        """Whether half an interval's width is narrow enough; NaN, where there is none, is not."""
        return half <= self.reach

    def next(self, prompts: int, half: float, whole: int) -> int:
        """Prompts of the next look.

        As many as this interval says are needed, but neither much fewer nor many more than a look
        can tell: of what was seen alone, so that a run that is continued takes the same looks.

        Args:
            prompts: of this look.
            half: half the width that the interval has here; NaN where there is none.
            whole: prompts there are.
        """
        wanted = _BLIND if isnan(half) else (half / self.reach) ** 2
        return min(whole, ceil(prompts * min(_LEAP, max(_STEP, wanted)) - 1e-9))

    def takes(self, enough: float, whole: int) -> tuple[int, int]:
        """About how many prompts a run takes: on average, and at most in 95 of 100 runs.

        More than enough: of the looks near there chance makes every second one too wide, each
        next one has a tenth more prompts, and several narrow ones in a row are needed.

        Args:
            enough: prompts with which an interval is as narrow as asked, on average.
            whole: prompts there are.
        """
        chance = Random(0)
        ends = []
        for _ in range(_WALKS):
            looks, seen = Looks(self, whole), chance.gauss(1, _SEEN / sqrt(max(enough, FIRST)))
            half = self.reach * seen * sqrt(enough)
            while looks.go_on(half / sqrt(looks.prompts) * chance.gauss(1, _DRAWN)):
                pass
            ends.append(looks.prompts)
        return ceil(sum(ends) / _WALKS), sorted(ends)[ceil(0.95 * _WALKS) - 1]


@dataclass(slots=True)
class Looks:
    """The looks of a run on the way to its aim, one after the other.

    Attributes:
        until: the aim.
        whole: prompts there are.
        prompts: of the look that is due.
    """

    until: Until
    whole: int
    prompts: int = field(init=False)
    _narrow: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.prompts = min(FIRST, self.whole)

    def go_on(self, half: float) -> bool:
        """Whether another look is due after this one; if so it is the one that is due.

        Args:
            half: half the width of this look's interval; NaN where it has none.
        """
        self._narrow = self._narrow + 1 if self.until.reached(half) else 0
        if self._narrow == IN_A_ROW or self.prompts == self.whole:
            return False
        self.prompts = self.until.next(self.prompts, half, self.whole)
        return True


def half_width(low: float | None, high: float | None) -> float:
    """Half the width of an interval; NaN where there is none."""
    return float("nan") if low is None or high is None else (high - low) / 2
