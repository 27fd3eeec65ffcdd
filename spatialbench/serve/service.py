"""From a request's body to its reply: what is between HTTP and the thread that scores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UserError
from .asked import Asked, Ready, Refused
from .image_queue import Answer, ImageQueue, Job, TryLater
from .limits import Limits
from .protocol import Protocol, Question, Reply, at_place, require_small
from .scoring_thread import Score, ScoringThread

_BETWEEN_LOOKS = 0.5
"""Seconds between two looks at whether a client that waits is still there."""


class ClientGone(Exception):
    """The client closed its connection before it had its reply."""


class BodyRoom:
    """Bounds the bytes of all bodies that are held at a time."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, size: int, patience: float) -> Iterator[None]:
        """Room for a body.

        Raises:
            TryLater: none came free in so many seconds.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: size <= self._free, patience):
                raise TryLater("busy: other requests take the memory for bodies")
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()


class Service:
    """Answers requests by a queue of images and one thread that scores them.

    Args:
        read: decodes an image and finds its prompt; called by many threads. See ``Rewarder.read``.
        score: see ``Rewarder.reward``; called by one thread.
        identity: what decides the rewards.
        protocols: the ways to ask.
        limits: how much is taken on.
        ended: told why no more images can be scored, at most once.
    """

    def __init__(
        self,
        read: Callable[[Asked], Ready],
        score: Score,
        identity: Mapping[str, Any],
        protocols: Sequence[Protocol],
        limits: Limits,
        ended: Callable[[BaseException], None],
    ) -> None:
        self.limits = limits
        self.identity = dict(identity)
        self.protocols = {protocol.path: protocol for protocol in protocols}
        self.bodies = BodyRoom(max(limits.body, limits.bodies))
        self.queue = ImageQueue(limits.queue)
        self.scoring = ScoringThread(self.queue, score, limits.batch_size, ended)
        self._read = read

    def start(self) -> None:
        """Begin to score."""
        self.scoring.start()

    def stop(self) -> None:
        """Take nothing on any more, and answer what was taken on."""
        self.queue.close("the server is ending: try again when it is back")
        self.scoring.join()

    def ask(self, protocol: Protocol, content: bytes, is_gone: Callable[[], bool]) -> Pending:
        """Read a body and queue its images, once there is room for them.

        Args:
            is_gone: whether the client has closed its connection; then its images are not scored.

        Raises:
            Refused: what will never work.
            TryLater: no room, or the server is ending.
        """
        question = protocol.read(content)
        count = len(question.asked)
        self.queue.reserve(count, self.limits.patience)
        unused = count
        try:
            opened = [self._opened(one, protocol) for one in question.asked]
            for place, one in enumerate(opened):
                if isinstance(one, Refused) and question.whole:
                    raise Refused(at_place(place, count, str(one)))
            job = Job([one for one in opened if isinstance(one, Ready)], question.rules, is_gone)
            unused -= len(job.images)
            try:
                self.queue.put(job)
            except TryLater:
                unused = count
                raise
        finally:
            self.queue.release(unused)
        refused = [one if isinstance(one, Refused) else None for one in opened]
        # Neither the body nor the images in it are held any longer.
        return Pending(protocol, replace(question, asked=()), refused, job)

    def _opened(self, asked: Asked | Refused, protocol: Protocol) -> Ready | Refused:
        if isinstance(asked, Refused):
            return asked
        try:
            require_small(asked.image, protocol.formats, self.limits.pixels)
            return self._read(asked)
        except Refused as error:
            return error
        except UserError as error:
            return Refused(str(error))


@dataclass(frozen=True, slots=True)
class Pending:
    """A request whose images wait to be scored; ``refused`` has an entry per image."""

    protocol: Protocol
    question: Question
    refused: Sequence[Refused | None]
    job: Job

    def reply(self) -> Reply:
        """The reply, once all images have their answers.

        Raises:
            ClientGone: nobody waits for it any more.
        """
        while not self.job.wait(_BETWEEN_LOOKS):
            if self.job.unwanted():
                raise ClientGone
        scored = iter(self.job.answers)
        answers: list[Answer] = [one or next(scored) for one in self.refused]
        return self.protocol.reply(self.question, answers)
