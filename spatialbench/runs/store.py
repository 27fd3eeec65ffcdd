"""A run directory: where everything lies, and which images are finished.

An image is finished when its record is on disk and its file has the recorded number of bytes.
Nothing else says so: no flag, no counter.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from ..documents import read_json
from ..errors import UserError, typed
from .expected import Key, name_some
from .files import SCRATCH, make_folder, write_atomic
from .identity import canonical_json
from .journal import Journal
from .names import safe_id, slug
from .quarantine import Quarantine
from .record_lines import Notice, Record

_SUFFIX = ".png"
_DETECTOR = "detector.json"


@dataclass(frozen=True)
class ImageRecord:
    """What is known of a finished image: size of its file in bytes, and the file's SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class RunDirectory:
    """Paths of a run and the state of its images. Picklable, so that workers can have it."""

    path: Path

    def absolute(self) -> RunDirectory:
        """The same directory, for processes that may stand elsewhere."""
        return RunDirectory(self.path.absolute())

    @property
    def images(self) -> Path:
        """Folder of the images."""
        return self.path / "images"

    @property
    def scratch(self) -> Path:
        """Where files are written before they are renamed into place."""
        return self.path / SCRATCH

    @property
    def scores(self) -> Path:
        """One row an image."""
        return self.path / "scores.parquet"

    @property
    def summary(self) -> Path:
        """Metrics, intervals, counts, signature."""
        return self.path / "summary.json"

    @property
    def image_journal(self) -> Journal:
        """Records of finished images: prompt_id, index, seed, bytes, sha256."""
        return Journal(self.path / "images.jsonl", self.scratch)

    def detector_folder(self, signature: str) -> Path:
        """Where the detections of one detector lie."""
        return self.path / "detections" / slug(signature)

    def detection_journal(self, signature: str) -> Journal:
        """Detections of one detector, one record an image."""
        return Journal(self.detector_folder(signature) / "detections.jsonl", self.scratch)

    @property
    def image_quarantine(self) -> Quarantine:
        """Images that could not be made."""
        return Quarantine(self.path, self.scratch)

    def detection_quarantine(self, signature: str) -> Quarantine:
        """Images that one detector could not look at."""
        return Quarantine(self.detector_folder(signature), self.scratch)

    def detector_file(self, signature: str) -> Path:
        """Signature and identity of one detector."""
        return self.detector_folder(signature) / _DETECTOR

    def detectors(self) -> list[str]:
        """Signatures of the detectors that have looked at images here, sorted.

        One whose first command failed may have left its name and no record (0.1 did).
        """
        files = (self.path / "detections").glob(f"*/{_DETECTOR}")
        looked = [file for file in files if _has_records(file.parent)]
        return sorted(read_detector(file)["signature"] for file in looked)

    def image_path(self, prompt_id: str, index: int) -> Path:
        """``images/<prompt id>/<k>.png``; never outside the run directory.

        Raises:
            UserError: a prompt id that cannot be a folder name.
        """
        return self.images / safe_id(prompt_id) / f"{index:d}{_SUFFIX}"

    def write_image(self, key: Key, content: bytes, seed: int | None) -> Record:
        """Write one image file and return its record, which makes it finished once appended.

        ``seed`` is None where nobody knows it.

        Raises:
            UserError: no space, no permission, or a symbolic link where the folder should be.
        """
        path = self.image_path(*key)
        for folder in (self.images, path.parent):
            if folder.is_symlink():
                raise UserError(
                    f"{folder} is a symbolic link, which can lead out of the run: replace it by a "
                    "folder."
                )
        make_folder(path.parent)
        write_atomic(path, content, self.scratch)
        return {
            "prompt_id": key[0],
            "index": key[1],
            "seed": seed,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }

    def finished_images(self, notice: Notice) -> dict[Key, ImageRecord]:
        """The finished images, of whatever selection.

        An image that has a record but no file of that size is not among them, and is said.

        Raises:
            UserError: a corrupt record.
        """
        recorded: dict[Key, ImageRecord] = {}
        for record in self.image_journal.records(notice):
            key = (record["prompt_id"], record["index"])
            try:
                recorded[key] = ImageRecord(record["bytes"], record["sha256"])
            except KeyError:
                raise UserError(
                    f"{self.path}: the record of image {name_some([key])} has no size and hash: "
                    "delete its line in images*.jsonl, and the image is made again."
                ) from None
        sizes = self._sizes()
        damaged = [key for key, known in recorded.items() if sizes.get(key) != known.bytes]
        for key in damaged:
            del recorded[key]
        if damaged:
            notice(
                f"{len(damaged)} finished image(s) are gone or truncated and count as missing: "
                f"{name_some(damaged)}."
            )
        return recorded

    def discard(self, keys: list[Key]) -> None:
        """Remove image files that cannot be read; their images then count as missing."""
        for key in keys:
            self.image_path(*key).unlink(missing_ok=True)

    def _sizes(self) -> dict[Key, int]:
        """Sizes in bytes of the image files; symbolic links are not followed."""
        sizes: dict[Key, int] = {}
        if not self.images.is_dir() or self.images.is_symlink():
            return sizes
        with os.scandir(self.images) as folders:
            for folder in folders:
                if not folder.is_dir(follow_symlinks=False):
                    continue
                with os.scandir(folder.path) as files:
                    for file in files:
                        stem, suffix = file.name[: -len(_SUFFIX)], file.name[-len(_SUFFIX) :]
                        if suffix != _SUFFIX or not stem.isdecimal():
                            continue
                        status = file.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            sizes[folder.name, int(stem)] = status.st_size
        return sizes


def _has_records(folder: Path) -> bool:
    for path in folder.glob("detections*.jsonl"):
        try:
            if path.stat().st_size:
                return True
        except FileNotFoundError:
            # A merge took it in this moment, so there was something to merge.
            return True
    return False


def read_detector(file: Path) -> Record:
    """A detector's file: its ``signature``, by which the folder is named, and its ``identity``.

    Raises:
        UserError: a damaged file.
    """
    try:
        told: Record = read_json(file)
        canonical_json(told)
        if slug(told["signature"]) == file.parent.name:
            return told
        problem = "it is of another folder"
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise UserError(
        f"{file} is damaged ({problem}): delete it and type "
        f"'{typed('detect', file.parents[2])}', with the --detector it was made by; the detections "
        "beside it are kept."
    )
