"""The first stage: make the expected images that are missing."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..executors import Executor
from ..plugins import Generator, ImageRequest
from ..runs.expected import Key
from ..runs.lock import writing
from ..runs.machine import device_name
from ..runs.opening import Run
from ..runs.store import RunDirectory
from ..runs.timing import BatchTime, append_time
from .memory import Pieces
from .pictures import encode_png
from .plan import due_batches
from .progress import Progress

if TYPE_CHECKING:
    from PIL import Image

STAGE = "generate"

_ENCODERS = 2


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Pictures to make together, and those of them whose files are to be written."""

    requests: tuple[ImageRequest, ...]
    missing: frozenset[Key]


class ImageWorker:
    """Makes pictures; encodes and writes them on other threads while the next batch is made.

    The time of every batch is noted in the run's ``timing.jsonl``.
    """

    def __init__(
        self,
        generator: Generator,
        directory: RunDirectory,
        batch_size: int,
        device: str | None = None,
    ) -> None:
        self._generator = generator
        self._directory = directory
        generator.load()
        self._batch_size = batch_size
        self._device = device_name(device)
        self._pieces = Pieces()
        self._journal = directory.image_journal.writer()
        self._pool = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode")
        self._pending: list[Future[None]] = []

    def work(self, batch: ImageBatch) -> int:
        """Make a batch; returns how many images have been finished since the last call."""
        images = self._timed(batch.requests)
        finished = self._settle()
        self._pending = [
            self._pool.submit(self._finish, request, image)
            for request, image in zip(batch.requests, images, strict=True)
            if _key(request) in batch.missing
        ]
        return finished

    def close(self) -> None:
        """Wait for the last files. Raises the error of any that could not be written."""
        try:
            self._settle()
        finally:
            self._pool.shutdown()
            self._journal.close()

    def _timed(self, requests: tuple[ImageRequest, ...]) -> list[Image.Image]:
        size = self._pieces.size
        start = time.perf_counter()
        images = self._pieces.call(self._generator.generate, requests)
        seconds = time.perf_counter() - start
        # The time of a batch that first ran out of memory is no measure of anything.
        if self._pieces.size == size:
            batch = BatchTime(
                images=len(images),
                seconds=seconds,
                batch_size=size or self._batch_size,
                device=self._device,
            )
            append_time(self._directory.path, batch)
        return images

    def _settle(self) -> int:
        pending, self._pending = self._pending, []
        for future in pending:
            future.result()
        return len(pending)

    def _finish(self, request: ImageRequest, image: Image.Image) -> None:
        content = encode_png(image)
        self._journal.append([self._directory.write_image(_key(request), content, request.seed)])


def generate(
    run: Run, generator: Generator, batch_size: int, executor: Executor, progress: Progress
) -> int:
    """Make the missing images of a run and return how many were made.

    Loads no model when nothing is missing.

    Raises:
        UserError: no space or permission, out of memory at batch size 1, another process at work
            on the run.
    """
    expected, directory = run.expected, run.directory
    with writing(run.path):
        done = directory.finished_images(progress.notice)
        keys = expected.keys()
        due = due_batches(keys, done, batch_size)
        missing = sum(len(batch.missing) for batch in due)
        progress.begin(STAGE, expected.images - missing, expected.images)
        batches = [
            ImageBatch(tuple(map(expected.request, batch.keys)), batch.missing) for batch in due
        ]
        told = 0
        device = run.machine.device if run.machine else None
        worker = partial(ImageWorker, generator, directory, batch_size, device)
        for finished in executor.map(worker, batches):
            told += finished
            progress.advance(finished)
        progress.advance(missing - told)
        directory.image_journal.merge(expected.order, progress.notice)
        progress.end()
    return missing


def _key(request: ImageRequest) -> Key:
    return request.prompt.id, request.index
