"""Each image's loss by layer and step while it is guided, as ``--record guidance`` keeps it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from ..plugins import Json

GUIDANCE = "guidance"
"""What ``--record`` calls it, and the key of a record that holds it."""
_DIGITS = 6


def _kept(loss: float) -> float | None:
    """Rounded; None for what is no number, which JSON cannot hold."""
    return float(f"{loss:.{_DIGITS}g}") if isfinite(loss) else None


class KeepsCourse:
    """What a generator that guides has to do with ``--record``."""

    _recording = False
    _recorded: Sequence[Json] = ()

    @property
    def recordings(self) -> Collection[str]:
        """The course of guidance: the loss of each image by layer and guided step."""
        return (GUIDANCE,)

    def record(self, kinds: Collection[str]) -> None:
        """Keep the course of what is made from now on, where it is among these."""
        self._recording = GUIDANCE in kinds

    def recorded(self) -> Sequence[Json]:
        """That of each image of the last batch."""
        return self._recorded


class Course:
    """What is seen of a batch while it is guided.

    Args:
        layers: what each layer that has a loss of its own is called.
        images: how many there are.
    """

    def __init__(self, layers: Sequence[str], images: int) -> None:
        self.layers = list(layers)
        self._steps: list[list[int]] = [[] for _ in range(images)]
        self._losses: list[list[list[float | None]]] = [[] for _ in range(images)]

    def see(self, step: int, images: Sequence[int], losses: Tensor) -> None:
        """Note a guided step.

        Args:
            step: of the run, from 0.
            images: their numbers in the batch.
            losses: (layers, images).
        """
        for number, column in zip(images, losses.detach().T.tolist(), strict=True):
            self._steps[number].append(step)
            self._losses[number].append([_kept(one) for one in column])

    def told(self) -> list[Json]:
        """Of each image its layers, its guided steps, and for each step a loss for each layer."""
        return [
            {GUIDANCE: {"layers": self.layers, "steps": steps, "losses": losses}}
            for steps, losses in zip(self._steps, self._losses, strict=True)
        ]
