"""All three stages one after the other: what the verb ``run`` does."""

from __future__ import annotations

from dataclasses import dataclass

from spatialbench.executors import Executor
from spatialbench.plugins import Detector, Generator, Rule
from spatialbench.runs.opening import Run

from .progress import Progress
from .score import Summary


@dataclass(frozen=True)
class Work:
    """Who does the work, and in which batches."""

    generator: Generator
    detector: Detector
    executor: Executor
    batch_size: int = 8
    rule: Rule | None = None
    threshold: float | None = None


def run_all(run: Run, work: Work, progress: Progress) -> Summary:
    """Generate, detect, score. An image that detect finds unreadable is made again, once.

    Raises:
        UserError: as the stages.
    """
    raise NotImplementedError
