"""The second stage: find the objects in every finished image."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..errors import UserError
from ..executors import Executor, GivenUp
from ..executors.attempts import in_one_line
from ..executors.stopping import batch_in_hand
from ..plugins import Detector
from ..plugins.records import BoxRecord
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.opening import Run
from ..runs.progress import Progress
from ..runs.store import RunDirectory
from ..scoring.looked import found_record, vocabulary
from . import canaries
from .detector_record import record_detector, require_same_detector
from .first_look import FirstLook
from .giving_up import GivingUp
from .memory import Pieces
from .open_images import decode_png
from .plan import WHOLE, Shard, due_batches, planned
from .preflight import no_image
from .surroundings import DETECTIONS, Surroundings

if TYPE_CHECKING:
    from PIL import Image

    from ..detections import Detections

STAGE = "detect"

_DECODERS = 2


@dataclass(frozen=True, slots=True)
class Detected:
    """What a detect stage did.

    Attributes:
        images: how many images were looked at now.
        discarded: finished images that turned out unreadable; they now count as missing.
        failed: images at which the detector raises an error, and which error.
    """

    images: int
    discarded: tuple[Key, ...] = ()
    failed: tuple[tuple[Key, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LookBatch:
    """Images to look at together.

    ``labels[i]`` are the names to find in the image ``keys[i]``, and ``sha256[i]`` its file's
    recorded hash, or None where the image is not finished.
    """

    keys: tuple[Key, ...]
    labels: tuple[tuple[str, ...], ...]
    sha256: tuple[str | None, ...]
    missing: frozenset[Key]


class DetectWorker:
    """Looks at images and appends what it found to a journal of its own."""

    def __init__(
        self,
        detector: Detector,
        directory: RunDirectory,
        found_before: bool,
        where: Surroundings,
        known: frozenset[str] | None = None,
    ) -> None:
        self._detector = detector
        self._directory = directory
        self._entered = where.enter()
        detector.load()
        self.remarks = self._entered.loaded()
        canaries.check(detector)
        self._pieces = Pieces()
        signature = detector.signature()
        self._journal = directory.detection_journal(signature).writer()
        self._first = FirstLook(signature, found_before=found_before, known=known)
        self._held = 0
        self._pool = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")

    @property
    def unsettled(self) -> int:
        """The batches whose records are still held back."""
        return self._held

    def work(self, batch: LookBatch) -> Detected:
        """Look at a batch; an image that cannot be read is reported and otherwise left out.

        Its place, like that of an image not made yet, is taken by a grey one: the batch keeps its
        shape, and the others' boxes keep their bits. So is that of an image at which the detector
        fails, where it fails at that one and not at all of them.
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
        pairs = list(zip(_without_gaps(images), batch.labels, strict=True))
        found, reasons = self._found(pairs)
        failed = {
            key: reasons[place]
            for place, key in enumerate(batch.keys)
            if place in reasons and key in wanted
        }
        wanted -= failed.keys()
        records = [
            found_record(self._detector.signature(), key, sha256, detections, image)
            for key, sha256, detections, (image, _) in zip(
                batch.keys, batch.sha256, found, pairs, strict=True
            )
            if key in wanted
        ]
        asked = [name for names in batch.labels for name in names]
        admitted = self._first.admit(records, asked)
        self._write(admitted)
        self._held = 0 if admitted else self._held + 1
        return Detected(len(wanted), unreadable, tuple(failed.items()))

    def close(self) -> None:
        """Close the journal. Raises UserError where all that was found has other names."""
        self._pool.shutdown()
        try:
            self._write(self._first.rest())
        finally:
            self._journal.close()
            self._entered.leave()

    def _write(self, records: list[BoxRecord]) -> None:
        if records:
            record_detector(self._directory, self._detector)
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
    ) -> tuple[list[Detections], dict[int, str]]:
        """What is found, and the places at which the detector fails with the reason.

        Raises:
            Exception: what the detector raises at every image, or only at all of them together.
        """
        try:
            return self._pieces.call(self._detect, pairs), {}
        except UserError:
            raise
        except Exception:
            failed = {}
            for place, pair in enumerate(pairs):
                try:
                    self._pieces.call(self._detect, [pair])
                except UserError:
                    raise
                except Exception as error:
                    failed[place] = in_one_line(error)
            if not 0 < len(failed) < len(pairs):
                raise
        sound = [None if place in failed else image for place, (image, _) in enumerate(pairs)]
        images = _without_gaps(sound)
        names = [labels for _, labels in pairs]
        return self._pieces.call(self._detect, list(zip(images, names, strict=True))), failed

    def _detect(self, pairs: Sequence[tuple[Image.Image, tuple[str, ...]]]) -> list[Detections]:
        return self._detector.detect([image for image, _ in pairs], [names for _, names in pairs])


def detect(
    run: Run,
    detector: Detector,
    batch_size: int,
    executor: Executor,
    progress: Progress,
    shard: Shard = WHOLE,
) -> Detected:
    """Detect in every finished image, of a run or a shard, without detections of this detector.

    Stored under ``detections/<signature>/``, so that several detectors can stand side by side.
    Loads no model when nothing is missing. Unreadable images are removed, so that they count as
    missing, and said. Images of batches that fail again and again are left out, said, and
    remembered in the detector's quarantine.

    Raises:
        UserError: no finished image at all, a detector whose identity is not the stored one,
            no space or permission, another process at work on the run, a detector that finds
            nothing in any of its first 50 images.
    """
    expected, directory = run.expected, run.directory
    signature = detector.signature()
    journal = directory.detection_journal(signature)
    quarantine = directory.detection_quarantine(signature)
    with run.writing(shared=not shard.whole) as alone:
        failures = GivingUp(STAGE, quarantine, progress, alone=alone)
        keys = expected.keys()
        done = directory.seen_images(signature, progress.notice)
        due = due_batches(keys, done, batch_size, shard)
        # The images are not looked for when there is nothing to do with them.
        finished = directory.finished_images(progress.notice, hashed=False) if due else {}
        if due and not any(key in finished for key in keys):
            raise no_image(run.path)
        require_same_detector(directory, detector)
        if done:
            record_detector(directory, detector)
        mine = planned(keys, batch_size, shard)
        progress.begin(STAGE, sum(key in done for b in mine for key in b), sum(map(len, mine)))
        batches = []
        for batch in due:
            hashes = tuple(finished[key].sha256 if key in finished else None for key in batch.keys)
            if any(key in finished for key in batch.missing):
                labels = _labels(run, batch.keys)
                batches.append(LookBatch(batch.keys, labels, hashes, batch.missing))
        looked = 0
        unreadable: list[Key] = []
        before = directory.seen(signature, lambda notice: None) if batches else ()
        found_before = any(not record.nothing for record in before)
        if batches and executor.elsewhere:
            detector.download()
        known = vocabulary(expected.benchmark, expected.all_prompts) if batches else frozenset()
        here = directory.absolute()
        where = Surroundings(here.path, run.machine, DETECTIONS, begun=bool(done))
        worker = partial(DetectWorker, detector, here, found_before, where, known)
        for result in executor.map(worker, batches):
            if isinstance(result, GivenUp):
                failures.give_up(result.batch.missing, result.reason)
                continue
            failures.settle()
            looked += result.images
            unreadable += result.discarded
            for key, reason in result.failed:
                failures.give_up([key], reason)
            progress.advance(result.images)
        failures.settle()
        if unreadable:
            directory.discard(unreadable)
            progress.notice(
                f"{len(unreadable)} image(s) cannot be read and were removed: "
                f"{name_some(unreadable)}; 'spatialbench run' makes them again."
            )
        if shard.whole:
            journal.merge(expected.order, progress.notice)
        progress.end()
    return Detected(looked, tuple(unreadable))


def _labels(run: Run, keys: Sequence[Key]) -> tuple[tuple[str, ...], ...]:
    by_id, benchmark = run.expected.by_id, run.expected.benchmark
    return tuple(tuple(benchmark.labels(by_id[prompt_id])) for prompt_id, _ in keys)


def _without_gaps(images: Sequence[Image.Image | None]) -> list[Image.Image]:
    from PIL import Image

    size = next(image.size for image in images if image is not None)
    return [image or Image.new("RGB", size, "grey") for image in images]
