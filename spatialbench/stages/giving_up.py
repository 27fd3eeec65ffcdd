"""What a stage does with a batch that was given up: say it, and remember it."""

from __future__ import annotations

from typing import Protocol

from ..executors import GivenUp
from ..runs.expected import Key
from ..runs.quarantine import Quarantine, told
from .progress import Progress


class Missing(Protocol):
    """A batch, whatever it is of."""

    @property
    def missing(self) -> frozenset[Key]:
        """The images that it was to finish."""
        ...


def give_up(
    stage: str, quarantine: Quarantine, given_up: GivenUp[Missing], progress: Progress
) -> None:
    """Record the images of a batch and tell them.

    Raises:
        UserError: no space, no permission.
    """
    missing = given_up.batch.missing
    quarantine.add(missing, given_up.reason)
    for sentence in told(stage, dict.fromkeys(sorted(missing), given_up.reason)):
        progress.notice(f"{sentence}; the rest goes on.")
