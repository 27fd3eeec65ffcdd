"""A run directory: where everything lies, and which images are finished.

An image is finished when its record is on disk and its file has the recorded bytes. Nothing else
says so: no flag, no counter. What somebody saw in an image names the hash of its file, and is about
nothing else: an image that was made again with other bytes is looked at again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, overload

from ..errors import UserError, typed
from ..files.documents import read_json
from ..files.regular_files import names_below
from ..plugins.evidence import BOXES, SEEN
from ..plugins.records import JUDGED_RECORDS, BoxRecord, SeenRecord
from ..prompts import Key
from .expected import name_some
from .files import unreadable
from .identity import canonical_json
from .image_files import ImageRecord, altered
from .image_store import ImageStore, PackingWriter
from .journal import Journal
from .names import slug
from .packs import packs_of
from .quarantine import Quarantine
from .record_lines import IMAGE_RECORD, IMAGE_SEEN, Notice, Record

_RECORDS: Mapping[str, type[SeenRecord]] = {BOXES: BoxRecord, **JUDGED_RECORDS}
_FILES = {
    kind: (SEEN[kind].what, f"{SEEN[kind].model}.json", f"{SEEN[kind].what}.jsonl", record)
    for kind, record in _RECORDS.items()
}
"""By kind of evidence: the folder of all models, a model's own file, its records, their type."""


@dataclass(frozen=True)
class RunDirectory(ImageStore):
    """Paths of a run and the state of its images. Picklable, so that workers can have it."""

    def absolute(self) -> RunDirectory:
        """The same directory, for processes that may stand elsewhere."""
        return replace(self, path=self.path.absolute())

    @property
    def scores(self) -> Path:
        """One row per image."""
        return self.path / "scores.parquet"

    @property
    def summary(self) -> Path:
        """Metrics, intervals, counts, signature."""
        return self.path / "summary.json"

    @property
    def image_journal(self) -> Journal:
        """Records of finished images: prompt_id, index, seed, bytes, sha256."""
        return Journal(self.path / "images.jsonl", self.scratch)

    @property
    def recordings(self) -> Journal:
        """What ``--record`` kept of how images were made."""
        return Journal(self.path / "recorded.jsonl", self.scratch)

    def detector_folder(self, signature: str, kind: str = BOXES) -> Path:
        """Where lies what one model saw: a detector's boxes, or what a judge answered."""
        return self.path / _FILES[kind][0] / slug(signature)

    def detection_journal(self, signature: str, kind: str = BOXES) -> Journal:
        """What one model saw, one record per image."""
        return Journal(self.detector_folder(signature, kind) / _FILES[kind][2], self.scratch)

    @property
    def image_quarantine(self) -> Quarantine:
        """Images that could not be made."""
        return Quarantine(self.path, self.scratch)

    def detection_quarantine(self, signature: str, kind: str = BOXES) -> Quarantine:
        """Images that one model could not look at."""
        return Quarantine(self.detector_folder(signature, kind), self.scratch)

    def detector_file(self, signature: str, kind: str = BOXES) -> Path:
        """Signature and identity of one model."""
        return self.detector_folder(signature, kind) / _FILES[kind][1]

    def detectors(self, kind: str = BOXES) -> list[str]:
        """Signatures of the detectors, or judges, that have looked at images here, sorted.

        One whose first command failed may have left its name and no record (0.1 did).
        """
        name, file, records, _ = _FILES[kind]
        folder = self.path / name
        # A folder that may not be read is an error, and not a detector that never looked.
        inner = [folder / name for name in names_below(self.path, folder)]
        files = [one / file for one in inner if file in names_below(self.path, one)]
        looked = [one for one in files if _has_records(one.with_name(records), self)]
        return sorted(read_detector(one, self.path)["signature"] for one in looked)

    @overload
    def seen(self, signature: str, notice: Notice) -> Iterator[BoxRecord]: ...
    @overload
    def seen(self, signature: str, notice: Notice, kind: str) -> Iterator[SeenRecord]: ...
    def seen(self, signature: str, notice: Notice, kind: str = BOXES) -> Iterator[SeenRecord]:
        """What one model saw, of the images as they are recorded now.

        A record that names no image hash, as those of version 0.1, is taken to be of the image of
        its name. Of one image the last record counts.

        Raises:
            UserError: a corrupt record.
        """
        hashes = self.recorded(notice)
        stale: set[Key] = set()
        for record in map(_FILES[kind][3], self.detection_journal(signature, kind).records(notice)):
            key = record.key
            if _of_this_image(record.image_sha256, hashes.get(key)):
                stale.discard(key)
                yield record
            else:
                stale.add(key)
        if stale:
            notice(_stale_sentence(stale))

    def seen_images(
        self,
        signature: str,
        notice: Notice,
        kind: str = BOXES,
        recorded: Mapping[Key, ImageRecord] | None = None,
    ) -> set[Key]:
        """The images that ``seen`` has records of, without reading what is in them.

        ``recorded`` is what the function of that name gave, where the caller has it already.
        """
        hashes = self.recorded(notice) if recorded is None else recorded
        there: set[Key] = set()
        stale: set[Key] = set()
        for lines in self.detection_journal(signature, kind).fields(IMAGE_SEEN, notice):
            for key, sha256 in lines:
                known = hashes.get(key)
                same = known is None or sha256 is None or sha256 == known.sha256
                (there if same else stale).add(key)
        if stale - there:
            notice(_stale_sentence(stale - there))
        return there

    def recorded(self, notice: Notice) -> dict[Key, ImageRecord]:
        """The images that have a record, whether or not their files are still there.

        Raises:
            UserError: a corrupt record.
        """
        recorded: dict[Key, ImageRecord | None] = {}
        for lines in self.image_journal.fields(IMAGE_RECORD, notice):
            recorded.update(found := dict(lines))
            if bare := [key for key, record in found.items() if record is None]:
                raise UserError(
                    f"{self.path}: the record of image {name_some(bare)} has no size and hash: "
                    "delete its line in images*.jsonl, and the image is made again."
                )
        return cast(dict[Key, ImageRecord], recorded)

    def finished_images(
        self,
        notice: Notice,
        *,
        hashed: bool = True,
        recorded: Mapping[Key, ImageRecord] | None = None,
    ) -> dict[Key, ImageRecord]:
        """The finished images, of whatever selection.

        An image that has a record but no file of those bytes is not among them; a notice names it.

        Args:
            notice: told of images that are gone, truncated or altered.
            hashed: whether to look for altered bytes (see ``image_files``); a caller that reads
                and compares the bytes itself leaves it out.
            recorded: what the function of that name gave, where the caller has it already.

        Raises:
            UserError: a corrupt record, a folder that cannot be read.
        """
        recorded = self.recorded(notice) if recorded is None else dict(recorded)
        sizes = [(key, record.bytes) for key, record in recorded.items()]
        gone, late = self.unlike_recorded(sizes, notice, self.image_journal.written())
        for key in gone:
            del recorded[key]
        if gone:
            notice(
                f"{len(gone)} finished image(s) are gone or truncated and count as missing: "
                f"{name_some(gone)}."
            )
        if hashed:
            changed = altered(self.read_image, recorded, late)
            for key in changed:
                del recorded[key]
            if changed:
                notice(
                    f"{len(changed)} finished image(s) have other bytes than when they were made "
                    f"and count as missing: {name_some(changed)}."
                )
        return recorded

    def recovered_images(self, notice: Notice) -> dict[Key, ImageRecord]:
        """As ``finished_images``, for whoever knows that nobody else writes.

        An image that is as recorded in a pack, but hidden by a file or a later pack with other
        bytes (of another run, that was put here), is written again, as the last.
        """
        recorded = self.recorded(notice)
        finished = self.finished_images(notice, recorded=recorded)
        packs, before = packs_of(self.path), len(finished)
        hidden = [key for key in recorded if key not in finished] if packs.refresh() else []
        with PackingWriter(self) as writer:
            for key in hidden:
                known = recorded[key]
                if (content := packs.hidden(key, known.sha256)) is not None:
                    writer.write(key, content, known.seed)
                    finished[key] = known
        if found := len(finished) - before:
            notice(f"{found} of them are there as recorded, in an older pack, and are kept.")
        return finished

    def tidy_packs(self, finished: Collection[Key]) -> None:
        """Repair what tells where images lie in packs. For whoever knows that nobody else writes.

        Args:
            finished: what ``recovered_images`` has just found.
        """
        packs = packs_of(self.path)
        if packs.untidy():
            known = self.recorded(_silent).items()
            left = [(key, record.bytes) for key, record in known if key not in finished]
            gone, _ = self.unlike_recorded(left, _silent, 0)
            packs.tidy(verified=len(gone) == len(left))


def _silent(text: str) -> None:
    """Damage is told once."""


def _has_records(finished: Path, directory: RunDirectory) -> bool:
    for path in Journal(finished, directory.scratch).files():
        try:
            if path.stat(follow_symlinks=False).st_size:
                return True
        except FileNotFoundError:
            # A merge took it in this moment, so there was something to merge.
            return True
    return False


def _of_this_image(seen: str | None, image: ImageRecord | None) -> bool:
    return seen is None or image is None or seen == image.sha256


def _stale_sentence(keys: set[Key]) -> str:
    return (
        f"{len(keys)} record(s) of what a detector saw are of images that were made again with "
        f"other bytes since, and count as missing: {name_some(list(keys))}."
    )


def read_detector(file: Path, run: Path) -> Record:
    """A detector's or judge's file: its ``signature`` (the folder's name) and its ``identity``.

    Args:
        file: in a folder of the run.
        run: below which no link is followed.

    Raises:
        UserError: a damaged file.
    """
    try:
        told: Record = read_json(file, below=run)
        canonical_json(told)
        if slug(told["signature"]) == file.parent.name:
            return told
        problem = "it is of another folder"
    except PermissionError as error:
        raise unreadable(file, error) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    what = file.parents[1].name
    raise UserError(
        f"{file} is damaged ({problem}): delete it and type '{typed('detect', file.parents[2])}', "
        f"with the --{file.stem} it was made by; the {what} beside it are kept."
    )
