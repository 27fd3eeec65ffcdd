"""The executor that works on a Ray cluster.

Ray places the workers, restarts nothing by itself, and tells when one dies. This side keeps the
books: which batch is where, how often it failed, and which results would be lost with a worker.
Workers are independent of each other; there is no collective to hang in.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from ..errors import UserError
from . import Batch, GivenUp, Result, Worker
from .attempts import IN_A_ROW, Attempts, in_one_line
from .ray_actor import Member
from .ray_cluster import Wanted, cluster, count_workers, environment


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds.

    Attributes:
        batch: for one batch, or for the last files of a worker.
        load: for a model to load, once the worker's process is there.
        silence: for a sign of life of a process; asked for every ``pulse``.
        pulse: see ``silence``.
        idle: before it is said that the cluster has no room for a single worker.
    """

    batch: float = 3600.0
    load: float = 1800.0
    silence: float = 120.0
    pulse: float = 10.0
    idle: float = 60.0


class RayExecutor:
    """Workers are actors that load a model once; a lost one is replaced, its batch done elsewhere.

    A batch that fails on three workers is given up; the others go on.
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

    def map(
        self, make_worker: Callable[[], Worker[Batch, Result]], batches: Sequence[Batch]
    ) -> Iterator[Result | GivenUp[Batch]]:
        """See ``Executor.map``; results come in the order they are finished.

        Raises:
            UserError: also where Ray, the cluster or its GPUs are missing.
        """
        if not batches:
            return
        with cluster(self._wanted) as ray:
            size = count_workers(ray, self._wanted, len(batches))
            shift = _Shift(ray, self._wanted, self._limits, self._notice, make_worker, batches)
            try:
                yield from shift.results(size)
            finally:
                shift.dismiss()


@dataclass(eq=False)
class _Hand:
    """One actor as seen from here; ``doing`` is what is waited for.

    ``tail`` are the batches that would be lost with it.
    """

    actor: Any
    doing: str = "load"
    batch: int | None = None
    since: float | None = None
    seen: float | None = None
    asked: float | None = None
    tail: list[int] = field(default_factory=list)


class _Shift(Generic[Batch, Result]):
    """The work of one ``map``."""

    def __init__(
        self,
        ray: Any,
        wanted: Wanted,
        limits: Limits,
        notice: Callable[[str], None],
        make_worker: Callable[[], Worker[Batch, Result]],
        batches: Sequence[Batch],
    ) -> None:
        self._ray = ray
        self._wanted = wanted
        self._limits = limits
        self._notice = notice
        self._make_worker = make_worker
        self._batches = batches
        self._queue = deque(range(len(batches)))
        self._attempts = Attempts()
        self._hands: list[_Hand] = []
        self._work: dict[Any, _Hand] = {}
        self._pulses: dict[Any, _Hand] = {}
        self._failed_loads = 0
        self._load_error: BaseException | None = None
        self._lonely_since: float | None = time.monotonic()

    def results(self, size: int) -> Iterator[Result | GivenUp[Batch]]:
        """Results until every batch is done and safe, or given up."""
        share = environment(size)
        options: dict[str, Any] = {
            "num_cpus": 1,
            "num_gpus": self._wanted.gpus_per_worker,
            "max_restarts": 0,
            # One thread works, so that it is always the same; another answers.
            "concurrency_groups": {"work": 1, "pulse": 1},
        }
        make_actor = self._ray.remote(**options)(Member)
        while True:
            todo = len(self._queue) + len(self._work)
            while len(self._hands) < min(size, todo) and self._failed_loads < IN_A_ROW:
                self._hire(make_actor, share)
            self._assign()
            if not self._hands:
                if self._queue:
                    raise self._load_error or WorkerLostError("no worker could be started")
                return
            yield from self._heard()
            yield from self._look_after()

    def dismiss(self) -> None:
        """Let every worker finish the batch in hand and its files, then end it.

        Errors are of no interest any more: what is not written is missing, and done again.
        """
        try:
            loaded = [hand for hand in self._hands if hand.doing != "load"]
            closing = [self._call(hand, "close") for hand in loaded]
            if closing:
                self._ray.wait(closing, num_returns=len(closing), timeout=self._limits.batch)
        finally:
            for hand in list(self._hands):
                self._end(hand)

    def _hire(self, make_actor: Any, share: dict[str, str]) -> None:
        hand = _Hand(make_actor.remote(share))
        self._hands.append(hand)
        self._ask(hand)
        self._work[self._call(hand, "load", self._make_worker)] = hand

    def _assign(self) -> None:
        """Give every idle worker a batch; where none is left, let it close."""
        for hand in self._hands:
            if hand.doing == "":
                hand.since = time.monotonic()
                if self._queue:
                    hand.doing, hand.batch = "work", self._queue.popleft()
                    reference = self._call(hand, "work", self._batches[hand.batch])
                else:
                    hand.doing = "close"
                    reference = self._call(hand, "close")
                self._work[reference] = hand

    def _heard(self) -> Iterator[Result | GivenUp[Batch]]:
        """Wait a moment for any answer, and act on those that came."""
        waiting = [*self._work, *self._pulses]
        done, _ = self._ray.wait(waiting, num_returns=1, timeout=self._limits.pulse / 4)
        for reference in done:
            if reference in self._pulses:
                self._answered(self._pulses.pop(reference), reference)
                continue
            hand = self._work.pop(reference, None)
            if hand is None:
                continue
            try:
                answer = self._ray.get(reference)
            except Exception as error:
                yield from self._failure(hand, _cause(error))
            else:
                yield from self._success(hand, answer)

    def _success(self, hand: _Hand, answer: Any) -> Iterator[Result]:
        doing, hand.doing, hand.since = hand.doing, "", None
        if doing == "load":
            self._failed_loads = 0
        elif doing == "work":
            result, unsettled = answer
            assert hand.batch is not None
            hand.tail = [*hand.tail, hand.batch][-unsettled:] if unsettled else []
            hand.batch = None
            self._attempts.succeeded()
            yield result
        else:
            hand.tail = []
            self._end(hand)

    def _failure(self, hand: _Hand, error: BaseException) -> Iterator[GivenUp[Batch]]:
        """Replace the worker; do again what it had in hand and what would be lost with it."""
        doing, batch, tail = hand.doing, hand.batch, hand.tail
        self._end(hand)
        self._queue.extendleft(reversed(tail))
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
            last = not self._queue and not self._work
            if self._attempts.hopeless or (reason and last and self._attempts.in_vain):
                raise error
            if reason:
                yield GivenUp(self._batches[batch], reason)
            else:
                self._notice(f"a batch failed ({in_one_line(error)}); another worker tries it")
                # Last, so that it meets another worker and holds nothing up.
                self._queue.append(batch)

    def _look_after(self) -> Iterator[GivenUp[Batch]]:
        """Ask for signs of life, and replace what gives none or takes too long."""
        now = time.monotonic()
        for hand in list(self._hands):
            if (
                hand.asked is None
                and hand.seen is not None
                and now - hand.seen > self._limits.pulse
            ):
                self._ask(hand)
            late = self._late(hand, now)
            if late is not None:
                yield from self._failure(hand, TimeoutError(late))
        if any(hand.seen is not None for hand in self._hands):
            self._lonely_since = None
        elif self._lonely_since is not None and now - self._lonely_since > self._limits.idle:
            self._lonely_since = None
            self._notice(
                "waiting for the Ray cluster to have room for a worker (1 CPU and "
                f"{self._wanted.gpus_per_worker:g} GPU each); 'ray status' shows what is in use"
            )

    def _late(self, hand: _Hand, now: float) -> str | None:
        """Why a worker is taken for hung; None for one that is not, or is not there yet."""
        limits = self._limits
        if hand.asked is not None and hand.seen and now - hand.asked > limits.silence:
            return f"the worker gave no sign of life for {limits.silence:g} s"
        limit = limits.load if hand.doing == "load" else limits.batch
        if hand.since is not None and now - hand.since > limit:
            option = "" if hand.doing == "load" else "; --time-limit sets how long it may"
            return f"the worker took longer than {limit:g} s to {hand.doing}{option}"
        return None

    def _ask(self, hand: _Hand) -> None:
        hand.asked = time.monotonic()
        self._pulses[self._call(hand, "pulse", group="pulse")] = hand

    def _answered(self, hand: _Hand, reference: Any) -> None:
        """A sign of life, or none: of a dead process its work tells."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.get(reference)
            if hand.seen is None:
                hand.since = time.monotonic()
            hand.seen, hand.asked = time.monotonic(), None

    def _call(self, hand: _Hand, name: str, *arguments: Any, group: str = "work") -> Any:
        return getattr(hand.actor, name).options(concurrency_group=group).remote(*arguments)

    def _end(self, hand: _Hand) -> None:
        self._ray.kill(hand.actor)
        self._hands.remove(hand)
        for references in (self._work, self._pulses):
            for reference in [r for r, owner in references.items() if owner is hand]:
                del references[reference]


class WorkerLostError(Exception):
    """The process of a worker died, or its machine."""


def _cause(error: BaseException) -> BaseException:
    """What happened in the worker: its own exception, with what Ray tells of it as the cause."""
    own = getattr(error, "cause", None)
    if not isinstance(own, BaseException):
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        own = WorkerLostError(f"the worker died: {lines[0] if lines else type(error).__name__}")
    own.__cause__ = error
    return own
