"""The first stage: make the expected images that are missing."""

from __future__ import annotations

from spatialbench.executors import Executor
from spatialbench.plugins import Generator
from spatialbench.runs.opening import Run

from .progress import Progress


def generate(
    run: Run, generator: Generator, batch_size: int, executor: Executor, progress: Progress
) -> int:
    """Make the missing images of a run and return how many were made.

    Loads no model when nothing is missing.

    Raises:
        UserError: no space or permission, out of memory at batch size 1, another process at work
            on the run.
    """
    raise NotImplementedError
