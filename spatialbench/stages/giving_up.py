"""What a stage does with a batch that was given up: say it, and remember it."""

from __future__ import annotations

from collections.abc import Collection

from ..runs.expected import Key
from ..runs.quarantine import Quarantine, told
from .progress import Progress


def give_up(
    stage: str, quarantine: Quarantine, keys: Collection[Key], reason: str, progress: Progress
) -> None:
    """Record images that are given up and tell them.

    Raises:
        UserError: no space, no permission.
    """
    quarantine.add(keys, reason)
    for sentence in told(stage, dict.fromkeys(sorted(keys), reason)):
        progress.notice(f"{sentence}; the rest goes on.")
