"""How narrow an interval has to be before a run stops by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, isnan

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


def half_width(low: float | None, high: float | None) -> float:
    """Half the width of an interval; NaN where there is none."""
    return float("nan") if low is None or high is None else (high - low) / 2
