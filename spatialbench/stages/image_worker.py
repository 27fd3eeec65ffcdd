"""The worker of the first stage: a loaded method, and the files of what it makes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..executors import LateError
from ..executors.attempts import in_one_line
from ..executors.stopping import batch_in_hand
from ..files.images import of_one_colour
from ..files.shown_text import counted
from ..plugins import ImageRequest, Json, Method, NoImage
from ..plugins.records import COSTS, ONE_COLOUR
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.machine import device_name
from ..runs.store import RunDirectory
from ..runs.timing import BatchTime, append_time
from ..weights.memory import Pieces, is_out_of_memory, release
from .alongside import NOTHING, Alongside
from .open_images import encode_png
from .surroundings import Surroundings

if TYPE_CHECKING:
    from PIL import Image

_ENCODERS = 2


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images to make together, and those of them whose files are to be written."""

    requests: tuple[ImageRequest, ...]
    missing: frozenset[Key]


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker tells of a batch.

    Attributes:
        finished: how many images, of this batch and those before, are on disk since it last told.
        images: how many images there were for this batch.
        without: requests of this batch for which there is no image.
        stop: why no other batch can be made; then it goes on with none.
    """

    finished: int
    images: int
    without: tuple[tuple[Key, NoImage], ...] = ()
    stop: str | None = None


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

    The time of every batch is noted in the run's ``timing.jsonl``. What a server makes is written
    as soon as it comes, so that no image that was paid for is lost with another one.
    """

    def __init__(
        self,
        generator: Method,
        directory: RunDirectory,
        batch_size: int,
        where: Surroundings,
        beside: Alongside = NOTHING,
    ) -> None:
        self._generator = generator
        self._directory = directory
        self._beside = beside
        self._entered = where.enter()
        with _noted(generator):
            _load(generator, beside)
        self.remarks = self._entered.loaded()
        self._batch_size = batch_size
        device = where.machine.device if where.machine else None
        self._device = "a server" if generator.served else device_name(device)
        self._pieces = Pieces(beside.make_room)
        self._files = directory.image_writer()
        self._journal = directory.image_journal.writer()
        self._pool = ThreadPoolExecutor(_ENCODERS, thread_name_prefix="encode")
        self._pending: list[Future[None]] = []
        self._begun: set[Key] = set()
        self._costs: dict[Key, dict[str, float]] = {}
        self._recorded: dict[Key, Json] = {}
        self._recordings = self._directory.recordings.writer()

    @property
    def unsettled(self) -> int:
        """The latest batch, as long as its files may not all be there."""
        return 1 if self._pending else 0

    def work(self, batch: ImageBatch) -> Made:
        """Make a batch."""
        with batch_in_hand():
            if self._generator.served:
                return self._served(batch)
            found = self._timed(batch.requests)
            finished = self._settle()
            without = []
            for request, one in zip(batch.requests, found, strict=True):
                if key_of_request(request) not in batch.missing:
                    continue
                if isinstance(one, NoImage):
                    without.append((key_of_request(request), one))
                else:
                    self._write(request, one)
            return Made(finished, len(self._pending), tuple(without))

    def expect(self, batch: ImageBatch) -> None:
        """Nothing can be begun before the images of now are made."""

    def close(self) -> None:
        """Wait for the last files. Raises the error of any that could not be written."""
        try:
            self._settle()
        finally:
            self._pool.shutdown()
            self._files.close()
            self._journal.close()
            self._recordings.close()
            self._entered.leave()

    def _served(self, batch: ImageBatch) -> Made:
        """What comes, in the order in which it comes; a batch that is tried again asks for less."""
        left = batch.missing - self._begun
        requests = [request for request in batch.requests if key_of_request(request) in left]
        answered: set[Key] = set()
        without: list[tuple[Key, NoImage]] = []
        stop = None
        start = time.perf_counter()
        try:
            with _noted(self._generator):
                for place, one in self._generator.stream(requests):
                    request = requests[place]
                    self._check(request, one)
                    answered.add(key_of_request(request))
                    if isinstance(one, NoImage):
                        without.append((key_of_request(request), one))
                    else:
                        self._write(request, one)
        except UserError as error:
            stop = str(error)
        else:
            self._check_count(requests, len(answered))
        images = len(self._pending)
        self._note_costs(requests)
        self._note_time(requests, images, time.perf_counter() - start)
        return Made(self._settle(), images, tuple(without), stop)

    def _timed(self, requests: tuple[ImageRequest, ...]) -> list[Image.Image | NoImage]:
        size = self._pieces.size
        start = time.perf_counter()
        found = self._pieces.call(self._made, requests)
        seconds = time.perf_counter() - start
        # The time of a batch that first ran out of memory is no measure of anything.
        if self._pieces.size == size:
            images = sum(not isinstance(one, NoImage) for one in found)
            self._note_time(requests, images, seconds)
        return found

    def _note_costs(self, requests: Sequence[ImageRequest]) -> None:
        """Remember what the latest images took, as far as the method tells it."""
        for request, costs in zip(requests, self._generator.costs(), strict=False):
            self._costs[key_of_request(request)] = dict(costs)
        for request, told in zip(requests, self._generator.recorded(), strict=False):
            self._recorded[key_of_request(request)] = dict(told)

    def _note_time(self, requests: Sequence[ImageRequest], images: int, seconds: float) -> None:
        if images:
            total: dict[str, float] = {}
            for request in requests:
                for name, value in self._costs.get(key_of_request(request), {}).items():
                    total[name] = total.get(name, 0.0) + value
            batch = BatchTime(
                images=images,
                seconds=seconds,
                batch_size=self._pieces.size or self._batch_size,
                device=self._device,
                costs=total or None,
            )
            append_time(self._directory.path, batch)

    def _made(self, requests: Sequence[ImageRequest]) -> list[Image.Image | NoImage]:
        """What the method gives, checked. Raises UserError naming the method and the image."""
        with _noted(self._generator):
            found: Any = self._generator.generate(requests)
            self._note_costs(requests)
        self._check_count(requests, found)
        for request, one in zip(requests, found, strict=True):
            self._check(request, one)
        return list(found)

    @property
    def _whose(self) -> str:
        return f"the method {self._generator.identity().get('method')}"

    def _check_count(self, requests: Sequence[ImageRequest], found: Any) -> None:
        count = len(found) if isinstance(found, Sequence) else found
        if count != len(requests):
            count = count if isinstance(count, int) else f"a {type(found).__name__}"
            raise UserError(
                f"{self._whose} returned {count} for {counted(len(requests), 'image')} "
                f"({name_some([key_of_request(one) for one in requests])}): expected a list with "
                "one image per request, in their order."
            )

    def _check(self, request: ImageRequest, one: Any) -> None:
        identity = self._generator.identity()
        size = identity.get("width"), identity.get("height")
        wrong = _wrong(one, None if None in size else size)
        if wrong is not None:
            raise UserError(
                f"{self._whose} returned for the image {name_some([key_of_request(request)])} "
                f"{wrong}."
            )

    def _write(self, request: ImageRequest, image: Image.Image) -> None:
        self._begun.add(key_of_request(request))
        self._pending.append(self._pool.submit(self._finish, request, image))

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
        key = key_of_request(request)
        record = self._files.write(key, encode_png(image), request.seed)
        # Left out elsewhere, so that the records of sound images stay as they were.
        costs = self._costs.get(key)
        further: dict[str, Any] = {COSTS: costs} if costs else {}
        further |= {ONE_COLOUR: True} if of_one_colour(image) else {}
        if told := self._recorded.pop(key, None):
            self._recordings.append([{"prompt_id": key[0], "index": key[1], **told}])
        self._journal.append([record | further])
        self._beside.written(key, record["sha256"])


def _load(generator: Method, beside: Alongside) -> None:
    try:
        generator.load()
    except Exception as error:
        if not is_out_of_memory(error) or not beside.make_room():
            raise
        error.__traceback__ = None
        release()
        generator.load()


def key_of_request(request: ImageRequest) -> Key:
    """Prompt id and image index."""
    return request.prompt.id, request.index


def _wrong(one: Any, size: tuple[Any, ...] | None) -> str | None:
    """What is wrong with what a method returned for an image; None for nothing."""
    from PIL import Image

    if isinstance(one, NoImage):
        said = isinstance(one.reason, str) and bool(one.reason.strip())
        return None if said else "no image and no reason"
    if not isinstance(one, Image.Image):
        return f"a {type(one).__name__}: expected a PIL image"
    if one.mode != "RGB":
        return f"an image in mode {one.mode}: expected RGB, as image.convert('RGB') gives"
    if size is not None and one.size != size:
        own, said_size = (f"{width} x {height} pixels" for width, height in (one.size, size))
        return f"{own}: expected {said_size}, as its identity says"
    return None
