"""The executor that works in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from . import Batch, Result, Worker


class LocalExecutor:
    """One worker, here, one batch after the other in the order given."""

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result]:
        """See ``Executor.map``; results come in the order of the batches."""
        if not batches:
            return
        worker = make_worker()
        try:
            for batch in batches:
                yield worker.work(batch)
        finally:
            worker.close()
