"""The second stage: find the objects in every finished image."""

from __future__ import annotations

from dataclasses import dataclass

from spatialbench.executors import Executor
from spatialbench.plugins import Detector
from spatialbench.runs.expected import Key
from spatialbench.runs.opening import Run

from .progress import Progress


@dataclass(frozen=True, slots=True)
class Detected:
    """What a detect stage did.

    Attributes:
        images: how many images were looked at now.
        discarded: finished images that turned out unreadable; they now count as missing.
    """

    images: int
    discarded: tuple[Key, ...] = ()


def detect(
    run: Run, detector: Detector, batch_size: int, executor: Executor, progress: Progress
) -> Detected:
    """Detect in every finished image that has no detections of this detector yet.

    Stored under ``detections/<signature>/``, so that several detectors can stand side by side.

    Raises:
        UserError: no finished image at all, a detector whose identity is not the stored one,
            no space or permission, another process at work on the run.
    """
    raise NotImplementedError
