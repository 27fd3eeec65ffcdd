"""The work of a process that looks at images, whichever model looks."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError, blamed
from ..executors import LateError
from ..executors.arriving import Arriving
from ..executors.attempts import in_one_line
from ..executors.stopping import batch_in_hand
from ..plugins.records import SeenRecord
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.store import RunDirectory
from ..weights.memory import Pieces
from . import canaries
from .detector_record import record_model
from .looker_base import Looker, WrongNumber
from .open_images import decode_png
from .surroundings import Surroundings

if TYPE_CHECKING:
    from PIL import Image

_READERS = 8
"""Threads at most that read images and prepare them; as many as there are processors."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What looking at images did.

    Attributes:
        images: how many images were looked at now.
        discarded: finished images that turned out unreadable; they now count as missing.
        failed: images at which the model raises an error or gives no answer, and why.
    """

    images: int
    discarded: tuple[Key, ...] = ()
    failed: tuple[tuple[Key, str], ...] = ()

    @classmethod
    def together(cls, done: Sequence[Detected]) -> Detected:
        """What several looks did."""
        return cls(
            sum(one.images for one in done),
            tuple(dict.fromkeys(key for one in done for key in one.discarded)),
            tuple(pair for one in done for pair in one.failed),
        )


@dataclass(frozen=True, slots=True)
class LookBatch:
    """Images to look at together.

    ``asked[i]`` is what is asked about the image ``keys[i]``, and ``sha256[i]`` its file's recorded
    hash, or None where the image is not finished. ``before`` holds earlier answers that are kept.
    """

    keys: tuple[Key, ...]
    asked: tuple[tuple[str, ...], ...]
    sha256: tuple[str | None, ...]
    missing: frozenset[Key]
    before: Mapping[Key, Mapping[str, float]]


class NoRoom(UserError):
    """Memory ran out while images were being made, too."""


class LookWorker:
    """Looks at images and appends what it saw to a journal of its own."""

    def __init__(
        self,
        looker: Looker,
        directory: RunDirectory,
        found_before: bool,
        where: Surroundings,
        batches: Arriving[LookBatch] | None = None,
    ) -> None:
        """``batches`` is where its batches come from while images are being made."""
        self._looker = looker
        self._directory = directory
        self._entered = where.enter()
        with blamed(looker.whose):
            looker.model.load()
        self.remarks = self._entered.loaded()
        canaries.check(looker.model)
        self._batches = batches
        self._pieces = Pieces(None if batches is None else self._no_room)
        self._journal = directory.detection_journal(looker.signature, looker.kind).writer()
        self._first = looker.first_look(found_before=found_before)
        self._held = 0
        readers = max(2, min(_READERS, os.cpu_count() or 1))
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._pending: Future[None] | None = None
        self._begun: dict[int, list[Future[Image.Image | None]]] = {}

    @property
    def unsettled(self) -> int:
        """The batches whose records are still held back, or not yet on the disk."""
        return self._held or (1 if self._pending is not None else 0)

    def work(self, batch: LookBatch) -> Detected:
        """Look at a batch; an image that cannot be read is reported and otherwise left out.

        Its place, like that of an image not made yet, is taken by a grey one: the batch keeps its
        shape, and what is seen of the others keeps its bits. So is that of an image at which the
        model fails, where it fails at that one and not at all of them. Of a model that looks at
        each image by itself, only what is missing is asked.
        """
        with batch_in_hand():
            return self._looked(batch)

    def _looked(self, batch: LookBatch) -> Detected:
        self.expect(batch)
        images = [one.result() for one in self._begun.pop(id(batch))]
        unreadable = tuple(
            key
            for key, image, sha256 in zip(batch.keys, images, batch.sha256, strict=True)
            if image is None and sha256 is not None
        )
        there = {key for key, image in zip(batch.keys, images, strict=True) if image is not None}
        wanted = batch.missing & there
        if not wanted:
            self._held += self._held > 0
            return Detected(0, unreadable)
        alone = self._looker.one_by_one
        asked = [
            () if alone and key not in wanted else names
            for key, names in zip(batch.keys, batch.asked, strict=True)
        ]
        pairs = list(zip(_without_gaps(images), asked, strict=True))
        try:
            found, reasons = self._found(pairs)
        except WrongNumber as error:
            raise UserError(f"{error} The images: {name_some(batch.keys)}.") from error
        for place, seen in enumerate(found):
            if place not in reasons and (lacking := self._looker.lacks(asked[place], seen)):
                reasons[place] = lacking
        failed = {
            key: reasons[place]
            for place, key in enumerate(batch.keys)
            if place in reasons and key in wanted
        }
        wanted -= failed.keys()
        records = [
            self._looker.record(key, sha256, seen, image, names, batch.before.get(key, {}))
            for key, sha256, seen, (image, names) in zip(
                batch.keys, batch.sha256, found, pairs, strict=True
            )
            if key in wanted
        ]
        admitted = self._first.admit(records, [name for names in batch.asked for name in names])
        self._write(admitted)
        self._held = 0 if admitted else self._held + bool(records or self._held)
        return Detected(len(wanted), unreadable, tuple(failed.items()))

    def expect(self, batch: LookBatch) -> None:
        """Read and prepare its images while another batch is looked at."""
        if id(batch) not in self._begun:
            asked = zip(batch.keys, batch.sha256, strict=True)
            self._begun[id(batch)] = [self._pool.submit(self._read, *one) for one in asked]

    def close(self) -> None:
        """Close the journal. Raises UserError where all that was found has other names."""
        self._pool.shutdown(cancel_futures=True)
        try:
            # What is held back by one that was stopped is looked at again by who goes on.
            if self._batches is None or not self._batches.stopped:
                self._write(self._first.rest())
            self._settle()
        finally:
            self._writer.shutdown()
            self._journal.close()
            self._entered.leave()

    def _no_room(self) -> bool:
        assert self._batches is not None
        self._batches.stop()
        raise NoRoom

    def _write(self, records: list[SeenRecord]) -> None:
        """Have records written, while the next batch is looked at."""
        if records:
            self._settle()
            self._pending = self._writer.submit(self._finish, records)

    def _finish(self, records: list[SeenRecord]) -> None:
        record_model(self._directory, self._looker.model, self._looker.kind)
        self._journal.append(record.to_json() for record in records)

    def _settle(self) -> None:
        """Wait for the records of before. Raises the error of any that could not be written."""
        pending, self._pending = self._pending, None
        try:
            if pending is not None:
                pending.result()
        except UserError:
            raise
        except Exception as error:
            raise LateError(f"records could not be written ({in_one_line(error)})") from error

    def _read(self, key: Key, sha256: str | None) -> Image.Image | None:
        if sha256 is None:
            return None
        try:
            content = self._directory.read_image(key, sha256)
        except (FileNotFoundError, ValueError):
            return None
        image = decode_png(content, sha256)
        if image is not None:
            # What fails here fails again where it is needed, and is told there.
            with suppress(Exception):
                self._looker.model.prepare(image)
        return image

    def _found(
        self, pairs: Sequence[tuple[Image.Image, tuple[str, ...]]]
    ) -> tuple[list[Any], dict[int, str]]:
        """What is seen, and the places at which the model fails with the reason.

        Raises:
            Exception: what the model raises at every image, or only at all of them together.
        """
        try:
            return self._pieces.call(self._seen, pairs), {}
        except UserError:
            raise
        except Exception as first:
            failed = {}
            for place, pair in enumerate(pairs):
                try:
                    self._pieces.call(self._seen, [pair])
                except UserError:
                    raise
                except Exception as error:
                    failed[place] = in_one_line(error)
            if not 0 < len(failed) < len(pairs):
                first.add_note(f"raised by {self._looker.whose}")
                raise
        sound = [None if place in failed else image for place, (image, _) in enumerate(pairs)]
        images = _without_gaps(sound)
        names = [labels for _, labels in pairs]
        return self._pieces.call(self._seen, list(zip(images, names, strict=True))), failed

    def _seen(self, pairs: Sequence[tuple[Image.Image, tuple[str, ...]]]) -> list[Any]:
        return self._looker.seen([image for image, _ in pairs], [asked for _, asked in pairs])


def _without_gaps(images: Sequence[Image.Image | None]) -> list[Image.Image]:
    from PIL import Image

    size = next(image.size for image in images if image is not None)
    return [image or Image.new("RGB", size, "grey") for image in images]
