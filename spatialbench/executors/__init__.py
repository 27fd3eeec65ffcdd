"""Where batches are worked on: the interface between a stage and the processes that do its work.

A stage hands over a picklable factory and picklable batches. Workers write finished files and
records themselves, so that what is finished survives the death of the worker, of the caller, or of
both; the results that come back only tell progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")
Batch_contra = TypeVar("Batch_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Worker(Protocol[Batch_contra, Result_co]):
    """Holds a loaded model and works on one batch after the other."""

    def work(self, batch: Batch_contra) -> Result_co:
        """Do one batch. Doing a batch twice must be harmless: a lost worker's batch is repeated."""
        ...

    def close(self) -> None:
        """Finish what is still being written; errors of late writes are raised here."""
        ...


class Executor(Protocol):
    """Runs workers."""

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result]:
        """Results of all batches, in any order.

        ``make_worker`` is called once in each process that works, and not at all without batches.
        An exception of a worker is raised here after every worker has been closed.
        """
        ...
