"""The executor that works in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from ..errors import UserError
from . import Batch, GivenUp, LateError, Result, Worker
from .arriving import Arriving
from .attempts import Attempts, in_one_line

_log = logging.getLogger(__name__)


class LocalExecutor:
    """One worker, here, one batch after the other in the order given."""

    elsewhere = False

    def __init__(self, notice: Callable[[str], None] = lambda text: None) -> None:
        self._notice = notice
        self._remarked: set[str] = set()

    def check(self) -> None:
        """This process is always there."""

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result | GivenUp[Batch]]:
        """See ``Executor.map``; results come in the order of the batches."""
        if not batches:
            return
        attempts = Attempts()
        _log.info("loading, before the first batch")
        worker = make_worker()
        try:
            for remark in worker.remarks:
                if remark not in self._remarked:
                    self._remarked.add(remark)
                    self._notice(remark)
            for place, batch in enumerate(batches):
                worker.expect(batch)
                following = _at_hand(batches, place + 1)
                if following is not None:
                    worker.expect(following)
                yield _tried(worker, batch, place, attempts, last=place == len(batches) - 1)
        except GeneratorExit:
            # Whoever took the results gave up for a reason of their own, which they tell.
            with suppress(UserError, LateError):
                worker.close()
            raise
        except BaseException:
            worker.close()
            raise
        worker.close()


def _at_hand(batches: Sequence[Batch], place: int) -> Batch | None:
    if isinstance(batches, Arriving):
        found: Batch | None = batches.at_hand(place)
        return found
    return batches[place] if place < len(batches) else None


def _tried(
    worker: Worker[Batch, Result], batch: Batch, place: int, attempts: Attempts, *, last: bool
) -> Result | GivenUp[Batch]:
    while True:
        try:
            result = worker.work(batch)
        except (UserError, LateError):
            raise
        except Exception as error:
            reason = attempts.failed(place, in_one_line(error))
            if attempts.hopeless or (reason and last and attempts.in_vain):
                raise
            if reason:
                return GivenUp(batch, reason)
        else:
            attempts.succeeded()
            return result
