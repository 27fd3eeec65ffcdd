"""Images that come one by one, the batches that wait for them, and the progress of who looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from ..executors.arriving import Arriving
from ..prompts import Key
from ..runs.progress import Progress
from .look_worker import LookBatch
from .plan import DueBatch

Make = Callable[[DueBatch, Mapping[Key, str]], LookBatch]
"""What makes a batch to look at, given the hashes of the finished images."""


class Arrivals:
    """Which images are there, and the batches that wait for others. Safe among threads."""

    def __init__(self, finished: Mapping[Key, str], coming: Collection[Key]) -> None:
        self._lock = threading.Lock()
        self._hashes = dict(finished)
        self._coming = set(coming)
        self._waiting: dict[Key, list[Callable[[], None]]] = {}

    def batches(self, due: Sequence[DueBatch], make: Make) -> Arriving[LookBatch]:
        """The batches of a plan, each there as soon as no image of it is to come any more."""
        arriving = Arriving[LookBatch](len(due))
        for place, batch in enumerate(due):
            self._await(arriving, place, batch, make)
        return arriving

    def came(self, key: Key, sha256: str | None) -> None:
        """An image is on the disk; None for one that does not come."""
        with self._lock:
            self._coming.discard(key)
            if sha256 is not None:
                self._hashes[key] = sha256
            waiting = self._waiting.pop(key, [])
        for proceed in waiting:
            proceed()

    def end(self) -> None:
        """Whatever has not come does not come any more."""
        with self._lock:
            left = list(self._coming)
        for key in left:
            self.came(key, None)

    def _await(
        self, arriving: Arriving[LookBatch], place: int, batch: DueBatch, make: Make
    ) -> None:
        """Put the batch, or do so when the next image of it that is to come has come."""
        with self._lock:
            missing = next((key for key in batch.keys if key in self._coming), None)
            if missing is not None:
                waiting = self._waiting.setdefault(missing, [])
                waiting.append(lambda: self._await(arriving, place, batch, make))
                return
            hashes = {key: self._hashes[key] for key in batch.keys if key in self._hashes}
        arriving.put(place, make(batch, hashes))


class Later:
    """A stage's progress, shown from the moment on at which the stage before it is over."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self._begun: tuple[str, int, int] | None = None
        self._shown = self._over = False

    def begin(self, stage: str, done: int, total: int) -> None:
        """Remember where the stage begins."""
        self._begun = stage, done, total

    def advance(self, images: int) -> None:
        """Count images."""
        # Under the lock, so that what is shown from then on was not counted before, too.
        with self._lock:
            if self._shown:
                self._progress.advance(images)
            elif self._begun is not None:
                stage, done, total = self._begun
                self._begun = stage, done + images, total

    def notice(self, text: str) -> None:
        """Told at once."""
        self._progress.notice(text)

    def end(self) -> None:
        """The stage is over."""
        with self._lock:
            self._over = True
            if self._shown:
                self._progress.end()

    def show(self) -> None:
        """From now on everything is told, if there is anything left to tell."""
        with self._lock:
            if self._over or self._begun is None:
                return
            self._progress.begin(*self._begun)
            self._shown = True
