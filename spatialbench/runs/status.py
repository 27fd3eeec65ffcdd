"""How far a run is, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .opening import Run


@dataclass(frozen=True)
class Status:
    """Finished over expected for each stage.

    Attributes:
        path: the run directory.
        images: finished images of the selection; of ``images_expected``.
        detections: images with detections, by detector signature.
        scored: rows of ``scores.parquet``, or None if there is none.
        partial: whether anything expected is missing from the last score.
        notices: damage that was noticed (torn lines, truncated images).
        next: the command to type, or a sentence that nothing is left to do.
    """

    path: Path
    images: int
    images_expected: int
    detections: dict[str, int]
    scored: int | None
    partial: bool
    next: str
    notices: list[str] = field(default_factory=list)


def status(run: Run) -> Status:
    """Read a run's state from disk; changes nothing."""
    raise NotImplementedError


def explain(old: Run, new_identity: dict[str, object]) -> list[str]:
    """Why a command would not continue this run: differing fields, ``steps: 20 -> 50``."""
    raise NotImplementedError
