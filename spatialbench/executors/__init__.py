"""Where batches are worked on: the interface between a stage and the processes that do its work.

A stage hands over a picklable factory and picklable batches. Workers write finished files and
records themselves, so that what is finished survives the death of the worker, of the caller, or of
both; the results that come back only tell progress.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")
Batch_co = TypeVar("Batch_co", covariant=True)
Batch_contra = TypeVar("Batch_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class LateError(Exception):
    """A worker could not finish an earlier batch, whose result it has already given."""


@dataclass(frozen=True, slots=True)
class GivenUp(Generic[Batch_co]):
    """A batch that failed every time it was tried, and why (in one line)."""

    batch: Batch_co
    reason: str


class Worker(Protocol[Batch_contra, Result_co]):
    """Holds a loaded model and works on one batch after the other."""

    @property
    def unsettled(self) -> int:
        """How many of the latest batches would be lost if the worker died now."""
        ...

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences for the user about the process it works in, each given once."""
        ...

    def work(self, batch: Batch_contra) -> Result_co:
        """Do one batch. Doing a batch twice must be harmless: a lost worker's batch is repeated.

        Raises:
            LateError: see there.
            UserError: what would stop any other batch too, such as a full disk.
        """
        ...

    def expect(self, batch: Batch_contra) -> None:
        """This batch comes soon: what can be begun while another is worked on may be begun.

        Not every executor tells.
        """
        ...

    def close(self) -> None:
        """Finish what is still being written; errors of late writes are raised here."""
        ...


class Executor(Protocol):
    """Runs workers."""

    @property
    def elsewhere(self) -> bool:
        """Whether workers are other processes, which take nothing from the network."""
        ...

    def check(self) -> None:
        """Refuse what can be known before there is work; to be called where there will be some.

        Raises:
            UserError: nobody to work, or not with what was asked for.
        """
        ...

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result | GivenUp[Batch]]:
        """Results of all batches, in any order.

        ``make_worker`` is called once in each process that works, and not at all without batches.
        A batch that raises is tried again, and in the end given up while the others go on. What a
        worker raises as UserError or LateError, and the error of batches that fail one like the
        other, is raised here after every worker has been closed.
        """
        ...
