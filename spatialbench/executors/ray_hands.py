"""The actors of a Ray cluster as the driver sees them: hired, given work, heard, and ended."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import Worker
from .ray_actor import Member


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds.

    Attributes:
        batch: for one batch, or for the last files of a worker.
        load: for a model to load, once the worker's process is there.
        silence: for a sign of life of a process; asked for every ``pulse``.
        pulse: see ``silence``.
        idle: before a notice that the cluster has no room for a single worker.
        moment: for any answer, before looking at everything else.
    """

    batch: float = 3600.0
    load: float = 1800.0
    silence: float = 120.0
    pulse: float = 10.0
    idle: float = 60.0
    moment: float = 1.0


@dataclass(eq=False)
class Hand:
    """One actor; ``doing`` is what is waited for.

    ``tail`` are the batches that would be lost with it.
    """

    actor: Any
    doing: str = "load"
    batch: int | None = None
    since: float | None = None
    seen: float | None = None
    asked: float | None = None
    tail: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a hand answered instead of a result."""

    error: BaseException


class WorkerLostError(Exception):
    """The process of a worker died, or its machine, or it hangs."""


class Hands:
    """All actors of one ``map``; ``share`` are the environment variables of each."""

    def __init__(self, ray: Any, gpus: float, share: dict[str, str], limits: Limits) -> None:
        self._ray = ray
        self._share = share
        self._limits = limits
        options: dict[str, Any] = {
            "num_cpus": 1,
            "num_gpus": gpus,
            "max_restarts": 0,
            # One thread works, so that it is always the same; another answers.
            "concurrency_groups": {"work": 1, "pulse": 1},
        }
        self._make_actor = ray.remote(**options)(Member)
        self._hired: list[Hand] = []
        self._work: dict[Any, Hand] = {}
        self._pulses: dict[Any, Hand] = {}

    def __iter__(self) -> Iterator[Hand]:
        return iter(list(self._hired))

    def __len__(self) -> int:
        return len(self._hired)

    @property
    def busy(self) -> int:
        """How many are waited for."""
        return len(self._work)

    @property
    def anybody_seen(self) -> bool:
        """Whether any process has shown that it is there."""
        return any(hand.seen is not None for hand in self._hired)

    def hire(self, make_worker: Callable[[], Worker[Any, Any]]) -> None:
        """One more, who loads. Its time begins when its process is there."""
        hand = Hand(self._make_actor.remote(self._share))
        self._hired.append(hand)
        self._ask(hand)
        self._work[self._call(hand, "load", make_worker)] = hand

    def give(self, hand: Hand, doing: str, *arguments: Any) -> None:
        """Have it do something."""
        hand.doing, hand.since = doing, time.monotonic()
        self._work[self._call(hand, doing, *arguments)] = hand

    def heard(self) -> Iterator[tuple[Hand, Any | Failure]]:
        """Wait a moment for any answer; those that came, or why none will."""
        waiting = [*self._work, *self._pulses]
        done, _ = self._ray.wait(waiting, num_returns=1, timeout=self._limits.moment)
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
                answer = Failure(_cause(error))
            hand.since = None
            yield hand, answer

    def late(self) -> Iterator[tuple[Hand, Failure]]:
        """Ask for signs of life; those who gave none, or take too long."""
        now = time.monotonic()
        for hand in self:
            seen = hand.seen
            if hand.asked is None and seen is not None and now - seen > self._limits.pulse:
                self._ask(hand)
            if why := self._late(hand, now):
                yield hand, Failure(WorkerLostError(why))

    def end(self, hand: Hand) -> None:
        """Kill its process, and hear no more of it."""
        self._ray.kill(hand.actor)
        self._hired.remove(hand)
        for references in (self._work, self._pulses):
            for reference in [r for r, owner in references.items() if owner is hand]:
                del references[reference]

    def dismiss(self, at_once: Callable[[], bool]) -> None:
        """Let everyone finish the batch in hand and its files, unless ``at_once``, then end all.

        Errors are of no interest any more: what is not written is missing, and done again.
        """
        try:
            closing = [self._call(h, "close") for h in self._hired if h.doing != "load"]
            deadline = time.monotonic() + self._limits.batch
            while closing and not at_once() and time.monotonic() < deadline:
                _, closing = self._ray.wait(
                    closing, num_returns=len(closing), timeout=self._limits.moment
                )
        finally:
            for hand in self:
                self.end(hand)

    def _late(self, hand: Hand, now: float) -> str | None:
        """Why a worker is taken for hung; None for one that is not, or is not there yet."""
        limits = self._limits
        # From when work was given on, the process is there, whether or not it was heard.
        asked = None if hand.asked is None or hand.since is None else max(hand.asked, hand.since)
        if asked is not None and now - asked > limits.silence:
            return f"the worker gave no sign of life for {limits.silence:g} s"
        limit = limits.load if hand.doing == "load" else limits.batch
        if hand.since is not None and now - hand.since > limit:
            option = "" if hand.doing == "load" else "; --time-limit sets how long it may"
            return f"the worker took longer than {limit:g} s to {hand.doing}{option}"
        return None

    def _ask(self, hand: Hand) -> None:
        hand.asked = time.monotonic()
        self._pulses[self._call(hand, "pulse", group="pulse")] = hand

    def _answered(self, hand: Hand, reference: Any) -> None:
        """A sign of life, or none: of a dead process its work tells."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.get(reference)
            if hand.seen is None:
                hand.since = time.monotonic()
            hand.seen, hand.asked = time.monotonic(), None

    def _call(self, hand: Hand, name: str, *arguments: Any, group: str = "work") -> Any:
        return getattr(hand.actor, name).options(concurrency_group=group).remote(*arguments)


def _cause(error: BaseException) -> BaseException:
    """What happened in the worker: its own exception, with what Ray tells of it as the cause."""
    own = getattr(error, "cause", None)
    if not isinstance(own, BaseException):
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        own = WorkerLostError(f"the worker died: {lines[0] if lines else type(error).__name__}")
    own.__cause__ = error
    return own
