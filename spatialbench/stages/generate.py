"""The first stage: make the expected images that are missing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..executors import Executor, GivenUp, LateError
from ..executors.attempts import in_one_line
from ..executors.stopping import batch_in_hand
from ..files.images import of_one_colour, one_colour_note
from ..plugins import ImageRequest, Method
from ..plugins.records import ONE_COLOUR, key_of
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.machine import device_name
from ..runs.opening import Run
from ..runs.progress import Progress
from ..runs.store import RunDirectory
from ..runs.timing import BatchTime, append_time
from .giving_up import GivingUp
from .memory import Pieces
from .open_images import encode_png
from .plan import WHOLE, Shard, due_batches, planned
from .surroundings import IMAGES, Surroundings

if TYPE_CHECKING:
    from PIL import Image

STAGE = "generate"

_ENCODERS = 2


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images to make together, and those of them whose files are to be written."""

    requests: tuple[ImageRequest, ...]
    missing: frozenset[Key]


@contextmanager
def _noted(generator: Method) -> Iterator[None]:
    """An exception that the method raises inside the block says whose it is."""
    try:
        yield
    except Exception as error:
        error.add_note(f"raised by the method {generator.identity().get('method')}")
        raise


class ImageWorker:
    """Makes images; encodes and writes them on other threads while the next batch is made.

    The time of every batch is noted in the run's ``timing.jsonl``.
    """

    def __init__(
        self,
        generator: Method,
        directory: RunDirectory,
        batch_size: int,
        where: Surroundings,
    ) -> None:
        self._generator = generator
        self._directory = directory
        self._entered = where.enter()
        with _noted(generator):
            generator.load()
        self.remarks = self._entered.loaded()
        self._batch_size = batch_size
        self._device = device_name(where.machine.device if where.machine else None)
        self._pieces = Pieces()
        self._journal = directory.image_journal.writer()
        self._pool = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode")
        self._pending: list[Future[None]] = []

    @property
    def unsettled(self) -> int:
        """The latest batch, as long as its files may not all be there."""
        return 1 if self._pending else 0

    def work(self, batch: ImageBatch) -> int:
        """Make a batch; returns how many images have been finished since the last call."""
        with batch_in_hand():
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
            self._entered.leave()

    def _timed(self, requests: tuple[ImageRequest, ...]) -> list[Image.Image]:
        size = self._pieces.size
        start = time.perf_counter()
        images = self._pieces.call(self._made, requests)
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

    def _made(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """Images of the method, checked. Raises UserError naming the method and the image."""
        identity = self._generator.identity()
        whose = f"the method {identity.get('method')}"
        with _noted(self._generator):
            images: Any = self._generator.generate(requests)
        if not isinstance(images, Sequence) or len(images) != len(requests):
            count = len(images) if isinstance(images, Sequence) else f"a {type(images).__name__}"
            raise UserError(
                f"{whose} returned {count} for {len(requests)} images "
                f"({name_some([_key(one) for one in requests])}): expected a list with one image "
                "per request, in their order."
            )
        size = identity.get("width"), identity.get("height")
        for request, image in zip(requests, images, strict=True):
            wrong = _wrong(image, None if None in size else size)
            if wrong is not None:
                raise UserError(
                    f"{whose} returned for the image {name_some([_key(request)])} {wrong}."
                )
        return list(images)

    def _settle(self) -> int:
        pending, self._pending = self._pending, []
        try:
            for future in pending:
                future.result()
        except UserError:
            raise
        except Exception as error:
            raise LateError(f"an image could not be written ({in_one_line(error)})") from error
        return len(pending)

    def _finish(self, request: ImageRequest, image: Image.Image) -> None:
        record = self._directory.write_image(_key(request), encode_png(image), request.seed)
        # Left out elsewhere, so that the records of sound images stay as they were.
        self._journal.append([record | ({ONE_COLOUR: True} if of_one_colour(image) else {})])


def _wrong(image: Any, size: tuple[Any, ...] | None) -> str | None:
    """What is wrong with what a method returned for an image; None for nothing."""
    from PIL import Image

    if not isinstance(image, Image.Image):
        return f"a {type(image).__name__}: expected a PIL image"
    if image.mode != "RGB":
        return f"an image in mode {image.mode}: expected RGB, as image.convert('RGB') gives"
    if size is not None and image.size != size:
        own, said = (f"{width} x {height} pixels" for width, height in (image.size, size))
        return f"{own}: expected {said}, as its identity says"
    return None


def generate(
    run: Run,
    generator: Method,
    batch_size: int,
    executor: Executor,
    progress: Progress,
    shard: Shard = WHOLE,
) -> int:
    """Make the missing images of a run, or of a shard of it; returns how many were made.

    Loads no model when nothing is missing. Images of batches that fail again and again are left
    out, said, and remembered in the run's quarantine.

    Raises:
        UserError: no space or permission, out of memory at batch size 1, another process at work
            on the run.
    """
    expected, directory = run.expected, run.directory
    with run.writing(shared=not shard.whole) as alone:
        failures = GivingUp(STAGE, directory.image_quarantine, progress, alone=alone)
        done = directory.finished_images(progress.notice)
        keys = expected.keys()
        due = due_batches(keys, done, batch_size, shard)
        missing = sum(len(batch.missing) for batch in due)
        total = sum(map(len, planned(keys, batch_size, shard)))
        progress.begin(STAGE, total - missing, total)
        batches = [
            ImageBatch(
                tuple(
                    expected.request(key)
                    for key in batch.keys
                    if key in batch.missing or not generator.one_by_one
                ),
                batch.missing,
            )
            for batch in due
        ]
        told = lost = 0
        here = directory.absolute()
        where = Surroundings(here.path, run.machine, IMAGES, begun=bool(done))
        if batches and executor.elsewhere:
            generator.download()
        worker = partial(ImageWorker, generator, here, batch_size, where)
        for result in executor.map(worker, batches):
            if isinstance(result, GivenUp):
                left = result.batch.missing
                failures.give_up(left, result.reason)
                lost += len(left)
            else:
                failures.settle()
                told += result
                progress.advance(result)
        failures.settle()
        progress.advance(missing - lost - told)
        if shard.whole:
            directory.image_journal.merge(expected.order, progress.notice)
        if batches:
            _say_one_colour(directory, progress)
        progress.end()
    return missing - lost


def _say_one_colour(directory: RunDirectory, progress: Progress) -> None:
    """A safety checker's black, or NaN, is not an image of the method's."""
    records = directory.image_journal.records(lambda notice: None)
    blank = {key_of(record) for record in records if record.get(ONE_COLOUR)}
    if blank:
        progress.notice(f"{one_colour_note(len(blank))}: {name_some(sorted(blank))}.")


def _key(request: ImageRequest) -> Key:
    return request.prompt.id, request.index
