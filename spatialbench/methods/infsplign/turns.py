"""Whose turn it is to be guided: every sample decides by the displacement its own maps show.

A sample rests once its displacement has exceeded the margin by the hysteresis, and is guided again
when it falls below the margin. It is seen in every step of the window, guided or not: reading the
maps of an unguided sample costs no more than its forward pass does anyway. What was seen in one
step decides the next, because it has to be known before the model is asked which samples are
recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

END, SATISFIED = "end", "satisfied"
UNTIL = (END, SATISFIED)
"""How long a sample is guided: to the window's end, or until it is satisfied."""

GUIDED_STEPS = "guided steps"
FULL_WINDOWS = "full windows"


@dataclass
class Turns:
    """The samples of a batch; each begins by being guided.

    Attributes:
        count: how many there are.
        margin: below it a resting sample is guided again.
        hysteresis: how far beyond the margin a guided one must be to rest.
    """

    count: int
    margin: float
    hysteresis: float
    resting: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._guided = [0] * self.count
        self._steps = 0

    def begin(self) -> tuple[int, ...]:
        """Count a step of the window; the samples that are guided in it, in order."""
        rows = tuple(row for row in range(self.count) if row not in self.resting)
        self._steps += 1
        for row in rows:
            self._guided[row] += 1
        return rows

    def see(self, rows: Sequence[int], displacements: Sequence[float]) -> None:
        """Decide for the next step.

        Args:
            rows: samples that were seen.
            displacements: of each, as a share of the image's side; NaN and minus infinity are not
                enough for any margin.
        """
        for row, found in zip(rows, displacements, strict=True):
            rests = row in self.resting
            if found >= self.margin if rests else found > self.margin + self.hysteresis:
                self.resting.add(row)
            else:
                self.resting.discard(row)

    def costs(self) -> list[Mapping[str, float]]:
        """Of each sample, in how many steps it was guided, and whether that was all of them."""
        return [
            {GUIDED_STEPS: float(steps), FULL_WINDOWS: float(steps == self._steps)}
            for steps in self._guided
        ]
