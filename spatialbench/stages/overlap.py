"""Looking at images while others are being made: each model that looks has a thread of its own.

Nothing is looked at in other company than without: a batch is looked at when all its images are on
the disk, or known not to come. Whatever is left over, because memory did not hold both, or because
an image was made again, is looked at afterwards by the stage itself.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..executors.arriving import Arriving
from ..executors.local import LocalExecutor
from ..prompts import Key
from ..runs.image_files import ImageRecord
from ..runs.machines import kind
from ..runs.opening import Run
from ..runs.progress import Progress
from ..weights.memory import is_out_of_memory
from .alongside import Alongside
from .arrivals import Arrivals, Later, Make
from .detect import look
from .look_worker import LookBatch, NoRoom
from .looker import Look
from .plan import DueBatch, Shard
from .surroundings import IMAGES, Entered, Surroundings


@dataclass
class _Beside:
    """One model at work."""

    wanted: Look
    progress: Later
    thread: threading.Thread | None = None
    batches: Arriving[LookBatch] | None = None
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.ready = threading.Event()
        self.stopped = self.gone = False

    def stop(self) -> None:
        """Come to the end behind the batch in hand."""
        self.stopped = True
        if self.batches is not None:
            self.batches.stop()


class Overlap(Alongside):
    """Models that look at a run's images while ``generate`` makes others, until the block ends.

    Args:
        run: held for writing.
        looks: the models, and what they are asked.
        batch_size: as of the stages.
        shard: likewise.
    """

    def __init__(
        self, run: Run, looks: Sequence[Look], batch_size: int, progress: Progress, shard: Shard
    ) -> None:
        self._run = run
        self._batch_size = batch_size
        self._progress = progress
        self._shard = shard
        self._beside = [_Beside(wanted, Later(progress)) for wanted in looks]
        self._arrivals: Arrivals | None = None
        self._entered: Entered | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for one in self._beside:
            one.stop()
        self._join()
        if self._entered is not None:
            self._entered.leave()

    def begin(self, finished: Mapping[Key, ImageRecord], coming: Collection[Key]) -> None:
        """Load the models, one after the other, and let them begin."""
        hashes = {key: record.sha256 for key, record in finished.items()}
        self._arrivals = Arrivals(hashes, coming)
        # Before the threads begin, and until the last of them has ended.
        here = self._run.directory.absolute().path
        self._entered = Surroundings(here, self._run.machine, IMAGES, begun=False).enter()
        for remark in self._entered.taken():
            self._progress.notice(remark)
        for one in self._beside:
            one.thread = threading.Thread(target=self._work, args=(one,), name="look", daemon=True)
            one.thread.start()
            one.ready.wait()
        self.check()

    def written(self, key: Key, sha256: str) -> None:
        """An image can be looked at."""
        assert self._arrivals is not None
        self._arrivals.came(key, sha256)

    def without(self, keys: Collection[Key]) -> None:
        """Nobody waits for these any more."""
        assert self._arrivals is not None
        for key in keys:
            self._arrivals.came(key, None)

    def make_room(self) -> bool:
        """Let the models go, for good; False where none was there any more."""
        there = [one for one in self._beside if one.thread is not None and not one.gone]
        alive = [one for one in there if not one.stopped]
        for one in there:
            one.stop()
        self._join()
        for one in there:
            one.gone = True
            one.wanted.looker.model.unload()
        self._say_no_room(alive)
        return bool(there)

    def check(self) -> None:
        """Raises what ended the work of a model, if it was not the lack of memory."""
        for one in self._beside:
            if one.error is not None:
                raise one.error

    def finish(self) -> None:
        """All images are made: wait until those that came are looked at."""
        if self._arrivals is not None:
            self._arrivals.end()
        for one in self._beside:
            if one.thread is not None:
                one.progress.show()
                one.thread.join()
        self.check()

    def _work(self, one: _Beside) -> None:
        try:
            with own_stream(self._run.machine.device if self._run.machine else None):
                look(
                    self._run,
                    one.wanted,
                    self._batch_size,
                    LocalExecutor(self._progress.notice),
                    one.progress,
                    self._shard,
                    lambda due, make: self._batches(one, due, make),
                )
        except Exception as error:
            one.stopped = True
            if _of_memory(error):
                error.__traceback__ = None
                one.wanted.looker.model.unload()
                self._say_no_room([one])
            else:
                one.error = error
        finally:
            one.ready.set()

    def _batches(self, one: _Beside, due: Sequence[DueBatch], make: Make) -> Arriving[LookBatch]:
        assert self._arrivals is not None
        one.batches = self._arrivals.batches(due, make)
        one.batches.asked = one.ready
        if one.stopped:
            one.batches.stop()
        return one.batches

    def _join(self) -> None:
        for one in self._beside:
            if one.thread is not None:
                one.thread.join()

    def _say_no_room(self, those: Sequence[_Beside]) -> None:
        names = " and ".join(one.wanted.looker.whose for one in those)
        if names:
            self._progress.notice(
                f"out of memory with the method and {names} side by side: the images are made "
                "first and looked at afterwards."
            )


def _of_memory(error: BaseException) -> bool:
    """Whether memory ran out, also where whoever was at work is named for it."""
    if isinstance(error, NoRoom) or is_out_of_memory(error):
        return True
    return error.__cause__ is not None and _of_memory(error.__cause__)


@contextmanager
def own_stream(device: str | None) -> Iterator[None]:
    """Work of this thread that a GPU does beside that of other threads, and not behind it."""
    if kind(device) != "cuda":
        yield
        return
    import torch

    cuda: Any = torch.cuda
    stream = cuda.Stream(device)
    with cuda.stream(stream):
        yield
    stream.synchronize()
