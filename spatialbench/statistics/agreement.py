"""How often two judges agree, and how much of that is more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of two judges' yes and no on the same things.

    ``only_first`` is how often the first alone said yes.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Agreement:
        """From two judges' answers, bool (n,) each."""
        return cls(
            int((first & second).sum()),
            int((first & ~second).sum()),
            int((~first & second).sum()),
            int((~first & ~second).sum()),
        )

    @property
    def count(self) -> int:
        """How many things were judged."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def rate(self) -> float:
        """Share of equal answers; NaN without any."""
        return (self.both + self.neither) / self.count if self.count else math.nan

    @property
    def kappa(self) -> float:
        """Cohen's kappa: 1 is perfect, 0 is what their yes rates alone would give.

        NaN where chance alone explains everything (both always say the same one word). Cohen, "A
        coefficient of agreement for nominal scales" (1960).
        """
        if not self.count:
            return math.nan
        first = (self.both + self.only_first) / self.count
        second = (self.both + self.only_second) / self.count
        chance = first * second + (1 - first) * (1 - second)
        return math.nan if chance == 1 else (self.rate - chance) / (1 - chance)
