"""The work of a process that looks at images, whichever model looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import UserError, blamed
from ..executors.attempts import in_one_line
from ..executors.stopping import batch_in_hand
from ..plugins.records import SeenRecord
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.store import RunDirectory
from . import canaries
from .detector_record import record_model
from .looker_base import Looker, WrongNumber
from .memory import Pieces
from .open_images import decode_png
from .surroundings import Surroundings

if TYPE_CHECKING:
    from PIL import Image

_DECODERS = 2


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


class LookWorker:
    """Looks at images and appends what it saw to a journal of its own."""

    def __init__(
        self,
        looker: Looker,
        directory: RunDirectory,
        found_before: bool,
        where: Surroundings,
    ) -> None:
        self._looker = looker
        self._directory = directory
        self._entered = where.enter()
        with blamed(looker.whose):
            looker.model.load()
        self.remarks = self._entered.loaded()
        canaries.check(looker.model)
        self._pieces = Pieces()
        self._journal = directory.detection_journal(looker.signature, looker.kind).writer()
        self._first = looker.first_look(found_before=found_before)
        self._held = 0
        self._pool = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")

    @property
    def unsettled(self) -> int:
        """The batches whose records are still held back."""
        return self._held

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
        images = list(self._pool.map(self._read, batch.keys, batch.sha256))
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

    def close(self) -> None:
        """Close the journal. Raises UserError where all that was found has other names."""
        self._pool.shutdown()
        try:
            self._write(self._first.rest())
        finally:
            self._journal.close()
            self._entered.leave()

    def _write(self, records: list[SeenRecord]) -> None:
        if records:
            record_model(self._directory, self._looker.model, self._looker.kind)
            self._journal.append(record.to_json() for record in records)

    def _read(self, key: Key, sha256: str | None) -> Image.Image | None:
        if sha256 is None:
            return None
        try:
            content = self._directory.read_image(key)
        except (FileNotFoundError, ValueError):
            return None
        return decode_png(content, sha256)

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
