"""The executor that works on a Ray cluster.

Ray places the workers, restarts nothing by itself, and tells when one dies. This side keeps the
books: which batch is where, how often it failed, and which results would be lost with a worker.
Workers are independent of each other; there is no collective to hang in.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic

from ..errors import UserError
from . import Batch, GivenUp, Result, Worker
from .attempts import IN_A_ROW, Attempts, in_one_line
from .ray_cluster import Wanted, cluster, count_workers, environment, send_own_code
from .ray_hands import Failure, Hand, Hands, Limits, WorkerLostError
from .stopping import Requests, requests_counted


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
            hands = Hands(ray, self._wanted.gpus_per_worker, environment(size), self._limits)
            shift = _Shift(
                hands, self._limits, self._room, self._notice, self._remark, make_worker, batches
            )
            try:
                yield from shift.results(size, requests)
            finally:
                hands.dismiss(lambda: requests.count > 1)

    def _remark(self, remark: str) -> None:
        if remark not in self._remarked:
            self._remarked.add(remark)
            self._notice(remark)

    @property
    def _room(self) -> str:
        """What a worker needs."""
        return f"1 CPU and {self._wanted.gpus_per_worker:g} GPU"


class _Shift(Generic[Batch, Result]):
    """The work of one ``map``."""

    def __init__(
        self,
        hands: Hands,
        limits: Limits,
        room: str,
        notice: Callable[[str], None],
        remark: Callable[[str], None],
        make_worker: Callable[[], Worker[Batch, Result]],
        batches: Sequence[Batch],
    ) -> None:
        self._hands = hands
        self._limits = limits
        self._room = room
        self._notice = notice
        self._remark = remark
        self._make_worker = make_worker
        self._batches = batches
        self._queue = deque(range(len(batches)))
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
                    self._say_stopping()
                    told = True
                self._drop_what_has_not_begun()
                if requests.count > 1:
                    return
            todo = len(self._queue) + self._hands.busy
            while len(self._hands) < min(size, todo) and self._failed_loads < IN_A_ROW:
                self._hands.hire(self._make_worker)
            self._assign()
            if not len(self._hands):
                if self._queue:
                    raise self._load_error or WorkerLostError("no worker could be started")
                return
            for hand, answer in self._hands.heard():
                yield from self._answered(hand, answer)
            for hand, failure in self._hands.late():
                yield from self._failed(hand, failure.error)
            self._say_if_alone()

    def _drop_what_has_not_begun(self) -> None:
        self._queue.clear()
        for hand in self._hands:
            if hand.doing == "load":
                self._hands.end(hand)

    def _say_stopping(self) -> None:
        busy = sum(hand.doing == "work" for hand in self._hands)
        if busy:
            self._notice(
                f"SIGTERM: {busy} worker(s) finish the batch in hand; a second SIGTERM does not "
                "wait for them"
            )

    def _assign(self) -> None:
        """Give every idle worker a batch; where none is left, let it close."""
        for hand in self._hands:
            if hand.doing == "":
                if self._queue:
                    hand.batch = self._queue.popleft()
                    self._hands.give(hand, "work", self._batches[hand.batch])
                else:
                    self._hands.give(hand, "close")

    def _answered(self, hand: Hand, answer: Any) -> Iterator[Result | GivenUp[Batch]]:
        if isinstance(answer, Failure):
            yield from self._failed(hand, answer.error)
            return
        doing, hand.doing = hand.doing, ""
        if doing == "load":
            self._failed_loads = 0
            for remark in answer:
                self._remark(remark)
        elif doing == "work":
            result, unsettled = answer
            assert hand.batch is not None
            hand.tail = [*hand.tail, hand.batch][-unsettled:] if unsettled else []
            hand.batch = None
            self._attempts.succeeded()
            yield result
        else:
            hand.tail = []
            self._hands.end(hand)

    def _failed(self, hand: Hand, error: BaseException) -> Iterator[GivenUp[Batch]]:
        """Replace the worker; do again what it had in hand and what would be lost with it."""
        doing, batch = hand.doing, hand.batch
        self._hands.end(hand)
        self._queue.extendleft(reversed(hand.tail))
        if isinstance(error, UserError) and doing != "load":
            raise error
        if doing == "load":
            self._failed_loads += 1
            self._load_error = error
            self._notice(f"a worker could not load ({in_one_line(error)})")
        elif doing == "close":
            self._notice(f"a worker could not finish its last files ({in_one_line(error)})")
            self._failed_loads += 1
            if self._failed_loads >= IN_A_ROW:
                raise error
        elif batch is not None:
            reason = self._attempts.failed(batch, in_one_line(error))
            last = not self._queue and not self._hands.busy
            if self._attempts.hopeless or (reason and last and self._attempts.in_vain):
                raise error
            if reason:
                yield GivenUp(self._batches[batch], reason)
            else:
                self._notice(f"a batch failed ({in_one_line(error)}); another worker tries it")
                # Last, so that it meets another worker and holds nothing up.
                self._queue.append(batch)

    def _say_if_alone(self) -> None:
        now = time.monotonic()
        if self._hands.anybody_seen:
            self._lonely_since = None
        elif self._lonely_since is not None and now - self._lonely_since > self._limits.idle:
            self._lonely_since = None
            self._notice(
                f"no worker has started in {self._limits.idle:g} s: the Ray cluster has no room "
                f"for one ({self._room} each; 'ray status' shows what is in use), or it is busy"
            )
