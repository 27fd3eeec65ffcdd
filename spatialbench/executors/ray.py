"""The executor that works on a Ray cluster.

Ray places the workers, restarts nothing by itself, and tells when one dies. This side keeps the
books: which batch is where, how often it failed, and which results would be lost with a worker.
Workers are independent of each other; there is no collective to hang in.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from ..errors import UserError
from . import Batch, GivenUp, Result, Worker
from .attempts import IN_A_ROW, Attempts, in_one_line
from .ray_cluster import Wanted, cluster, count_workers, environment, send_own_code
from .ray_hands import Failure, Hand, Hands, Limits, WorkerLostError
from .stopping import Requests, requests_counted

_log = logging.getLogger(__name__)


class RayExecutor:
    """Workers are actors that load a model once; a lost one is replaced, its batch done elsewhere.

    A batch that fails on three workers is given up; the others go on. At SIGTERM every worker
    finishes the batch in hand; a second one waits for none.
    """

    elsewhere = True

    def __init__(
        self,
        wanted: Wanted | None = None,
        limits: Limits | None = None,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._wanted = wanted or Wanted()
        self._limits = limits or Limits()
        self._notice = notice
        self._remarked: set[str] = set()
        self._refused: str | None = None

    def check(self) -> None:
        """Join the cluster that was asked for, or start one for GPUs; see ``Executor.check``.

        Within ``one_cluster`` it is the one that works. A refusal is kept: every row of a recipe
        asks, and a cluster that does not answer takes its time.

        Raises:
            UserError: there is none at the address, or it has no GPU.
        """
        if self._wanted.address is None and not self._wanted.gpus_per_worker:
            return
        if self._refused is None:
            try:
                with cluster(self._wanted) as ray:
                    count_workers(ray, self._wanted, 1)
            except UserError as error:
                self._refused = str(error)
        if self._refused is not None:
            raise UserError(self._refused)

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result | GivenUp[Batch]]:
        """See ``Executor.map``; results come in the order they are finished.

        Raises:
            UserError: also where Ray, the cluster or its GPUs are missing.
            Stopped: SIGTERM came; every process that was started is ended.
        """
        if not batches:
            return
        with cluster(self._wanted) as ray, requests_counted() as requests:
            size = count_workers(ray, self._wanted, len(batches))
            send_own_code(ray)
            _log.info("loading in %d worker(s), before the first batch", size)
            hands = Hands(ray, self._wanted.gpus_per_worker, environment(size), self._limits)
            room = f"1 CPU and {self._wanted.gpus_per_worker:g} GPU"
            shift = _Shift(
                hands, self._limits, room, self._notice, self._remark, make_worker, batches
            )
            try:
                yield from shift.results(size, requests)
            except WorkerLostError as error:
                raise UserError(
                    f"the workers are lost one after the other ({error}): where they died, memory "
                    "is mostly what they lack, so give fewer --workers or a smaller --batch-size; "
                    "what is finished is kept."
                ) from error
            finally:
                if not requests.count:
                    shift.say_stopping("Ctrl-C now")
                hands.dismiss(lambda: requests.count > 1)

    def _remark(self, remark: str) -> None:
        if remark not in self._remarked:
            self._remarked.add(remark)
            self._notice(remark)


@dataclass
class _Shift(Generic[Batch, Result]):
    """The work of one ``map``; ``room`` is what a worker needs."""

    hands: Hands
    limits: Limits
    room: str
    notice: Callable[[str], None]
    remark: Callable[[str], None]
    make_worker: Callable[[], Worker[Batch, Result]]
    batches: Sequence[Batch]

    def __post_init__(self) -> None:
        self._queue = deque(range(len(self.batches)))
        self._attempts = Attempts()
        self._failed_loads = 0
        self._load_error: BaseException | None = None
        self._lonely_since: float | None = time.monotonic()

    def results(self, size: int, requests: Requests) -> Iterator[Result | GivenUp[Batch]]:
        """Results until every batch is done and safe, or given up, or a stop is asked for."""
        told = False
        while True:
            if requests.count:
                if not told:
                    self.say_stopping("a second SIGTERM")
                    told = True
                self._drop_what_has_not_begun()
                if requests.count > 1:
                    return
            todo = len(self._queue) + self.hands.busy
            while len(self.hands) < min(size, todo) and self._failed_loads < IN_A_ROW:
                self.hands.hire(self.make_worker)
            self._assign()
            if not len(self.hands):
                if self._queue:
                    raise self._load_error or WorkerLostError("no worker could be started")
                return
            for hand, answer in self.hands.heard():
                yield from self._answered(hand, answer)
            for hand, failure in self.hands.late():
                yield from self._failed(hand, failure.error)
            self._say_if_alone()

    def _drop_what_has_not_begun(self) -> None:
        self._queue.clear()
        for hand in self.hands:
            if hand.doing == "load":
                self.hands.end(hand)

    def say_stopping(self, what: str) -> None:
        """Tell that workers are waited for, and ``what`` ends that."""
        busy = sum(hand.doing == "work" for hand in self.hands)
        if busy:
            self.notice(f"{busy} worker(s) finish the batch in hand; {what} does not wait for them")

    def _assign(self) -> None:
        """Give every idle worker a batch; where none is left, let it close."""
        for hand in self.hands:
            if hand.doing == "":
                if self._queue:
                    hand.batch = self._queue.popleft()
                    self.hands.give(hand, "work", self.batches[hand.batch])
                else:
                    self.hands.give(hand, "close")

    def _answered(self, hand: Hand, answer: Any) -> Iterator[Result | GivenUp[Batch]]:
        if isinstance(answer, Failure):
            yield from self._failed(hand, answer.error)
            return
        doing, hand.doing = hand.doing, ""
        if doing == "load":
            self._failed_loads = 0
            for remark in answer:
                self.remark(remark)
        elif doing == "work":
            result, unsettled = answer
            assert hand.batch is not None
            hand.tail = [*hand.tail, hand.batch][-unsettled:] if unsettled else []
            hand.batch = None
            self._attempts.succeeded()
            yield result
        else:
            hand.tail = []
            self.hands.end(hand)

    def _failed(self, hand: Hand, error: BaseException) -> Iterator[GivenUp[Batch]]:
        """Replace the worker; do again what it had in hand and what would be lost with it."""
        doing, batch = hand.doing, hand.batch
        self.hands.end(hand)
        self._queue.extendleft(reversed(hand.tail))
        if isinstance(error, UserError) and doing != "load":
            raise error
        if doing == "load":
            self._failed_loads += 1
            self._load_error = error
            self.notice(f"a worker could not load ({in_one_line(error)})")
        elif doing == "close":
            self.notice(f"a worker could not finish its last files ({in_one_line(error)})")
            self._failed_loads += 1
            if self._failed_loads >= IN_A_ROW:
                raise error
        elif batch is not None:
            reason = self._attempts.failed(batch, in_one_line(error))
            last = not self._queue and not self.hands.busy
            if self._attempts.hopeless or (reason and last and self._attempts.in_vain):
                raise error
            if reason:
                yield GivenUp(self.batches[batch], reason)
            else:
                self.notice(f"a batch failed ({in_one_line(error)}); another worker tries it")
                # Last, so that it meets another worker and holds nothing up.
                self._queue.append(batch)

    def _say_if_alone(self) -> None:
        now = time.monotonic()
        if self.hands.anybody_seen:
            self._lonely_since = None
        elif self._lonely_since is not None and now - self._lonely_since > self.limits.idle:
            self._lonely_since = None
            self.notice(
                f"no worker has started in {self.limits.idle:g} s: the Ray cluster has no room "
                f"for one ({self.room} each; 'ray status' shows what is in use), or it is busy"
            )
