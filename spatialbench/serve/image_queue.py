"""The images of all requests in one line, bounded, from which batches are taken."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from ..errors import UserError
from .asked import Ready, Refused, Reward


class TryLater(UserError):
    """What another try can put right: no room in the queue, no memory, a server that is ending.

    Attributes:
        seconds: after which to try.
    """

    def __init__(self, message: str, seconds: int = 5) -> None:
        super().__init__(message)
        self.seconds = seconds


Answer = Reward | Refused | TryLater
"""What becomes of one asked image."""


class Job:
    """The images of one request that wait for their answers.

    Args:
        images: what to score, in order.
        rules: the names of further rules by which each is judged.
        unwanted: tells whether nobody waits for the answers any more.
    """

    def __init__(
        self,
        images: Sequence[Ready],
        rules: tuple[str, ...] = (),
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.rules = rules
        self.unwanted = unwanted
        self.images: list[Ready | None] = list(images)
        self._answers: list[Answer | None] = [None] * len(images)
        self._left = len(images)
        self._finished = threading.Event()
        self._lock = threading.Lock()

    def answer(self, place: int, answer: Answer) -> None:
        """Fill in one image's answer, and let go of the image."""
        with self._lock:
            self._answers[place] = answer
            self.images[place] = None
            self._left -= 1
            if self._left == 0:
                self._finished.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the last answer, at most so long; whether it is there."""
        return not self._answers or self._finished.wait(seconds)

    @property
    def answers(self) -> list[Answer]:
        """One answer per image, once all are there."""
        return [one for one in self._answers if one is not None]


Waiting = tuple[Job, int]
"""One image: its request and its place there."""


class ImageQueue:
    """A line of images with room for a fixed number, which requests enter in the order they came.

    Room is taken for a whole request before its images are decoded, and given back image by image.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self._free = room
        self._tickets: deque[object] = deque()
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closed: str | None = None
        self._seconds_per_image = 0.0

    @property
    def taken(self) -> int:
        """Images that were taken on and are not answered yet."""
        return self.room - self._free

    def reserve(self, images: int, patience: float) -> None:
        """Take room for so many images; waits for it in the order of the calls.

        Raises:
            Refused: more images than there can ever be room for.
            TryLater: no room came free in ``patience`` seconds, or the queue is closed.
        """
        if images > self.room:
            raise Refused(
                f"{images:,} images in one request, and at most {self.room:,} are taken on: send "
                "fewer, or start the server with a larger --queue."
            )
        ticket = object()
        until = time.monotonic() + patience
        with self._changed:
            self._tickets.append(ticket)
            try:
                while True:
                    if self._closed is not None:
                        raise TryLater(self._closed, seconds=30)
                    if self._tickets[0] is ticket and images <= self._free:
                        self._free -= images
                        return
                    left = until - time.monotonic()
                    if left <= 0:
                        raise self._busy()
                    self._changed.wait(left)
            finally:
                self._tickets.remove(ticket)
                self._changed.notify_all()

    def release(self, images: int) -> None:
        """Give room back."""
        with self._changed:
            self._free += images
            self._changed.notify_all()

    def put(self, job: Job) -> None:
        """Add the images of a request, whose room was reserved, at the end of the line.

        Raises:
            TryLater: the queue is closed; the room is still the caller's.
        """
        with self._changed:
            if self._closed is not None:
                raise TryLater(self._closed, seconds=30)
            self._waiting.extend((job, place) for place in range(len(job.images)))
            self._changed.notify_all()

    def take(self, most: int) -> list[Waiting]:
        """The next images, as soon as there are any; none once the queue is closed and empty.

        Images that nobody waits for are answered here, and given to nobody.
        """
        dropped = TryLater("the client is gone")
        while True:
            with self._changed:
                while not self._waiting and self._closed is None:
                    self._changed.wait()
                if not self._waiting:
                    return []
                taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            unwanted = {job for job in {job for job, _ in taken} if job.unwanted()}
            if not unwanted:
                return taken
            with self._changed:
                rest = [one for one in self._waiting if one[0] in unwanted]
                self._waiting = deque(one for one in self._waiting if one[0] not in unwanted)
            for job, place in [one for one in taken if one[0] in unwanted] + rest:
                self.answered(job, place, dropped)
            kept = [one for one in taken if one[0] not in unwanted]
            if kept:
                return kept

    def answered(self, job: Job, place: int, answer: Answer) -> None:
        """Answer one image and give its room back."""
        job.answer(place, answer)
        self.release(1)

    def took(self, images: int, seconds: float) -> None:
        """Tell how long a batch took, for what busy clients are told."""
        each = seconds / images
        before = self._seconds_per_image
        self._seconds_per_image = each if not before else 0.8 * before + 0.2 * each

    def close(self, why: str, *, drop: bool = False) -> None:
        """Take nothing on any more; what waits is still taken, or answered at once (``drop``)."""
        with self._changed:
            self._closed = why
            dropped = list(self._waiting) if drop else []
            if drop:
                self._waiting.clear()
            self._changed.notify_all()
        for job, place in dropped:
            self.answered(job, place, TryLater(why, seconds=30))

    def _busy(self) -> TryLater:
        seconds = math.ceil(self.taken * self._seconds_per_image)
        return TryLater(
            f"busy: {self.taken:,} of {self.room:,} places for images are taken.",
            seconds=min(60, max(1, seconds)),
        )
