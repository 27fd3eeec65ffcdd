"""Somebody's photographs as images of one size, and what a detector and a depth model see there.

Everything is resumable: a photograph is known by the SHA-256 of its file.

    SET/photographs/settings.json     what decides the images and the boxes
    SET/photographs/<id>.png          the photograph, cut to the size
    SET/photographs/boxes.jsonl       what the detector found in each
    SET/photographs/depth/<id>.png    its depth, where it is asked for
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..detections import Detections
from ..errors import UserError
from ..files.documents import LARGE, read_json, read_limited
from ..files.images import open_image, read_rgb
from ..files.regular_files import is_regular
from ..plugins import Detector
from ..plugins.records import IMAGE_HASH, BoxRecord
from ..plugins.requirements import required
from ..runs.files import make_folder, write_atomic, write_if_other
from ..runs.identity import canonical_json, differences
from ..runs.journal import Journal
from ..runs.names import slug
from ..runs.progress import Progress
from ..scoring.looked import found_record
from ..scoring.rules.object_depth import Depth, scaled_depth
from ..stages.depth import encode_depth
from ..stages.depth_model import DepthModel
from ..stages.open_images import encode_png
from ..stages.preflight import require

if TYPE_CHECKING:
    from PIL import Image

FOLDER = "photographs"
SETTINGS = "settings.json"
_BOXES = "boxes.jsonl"
_DEPTH = "depth"
_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_ID = 16
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph of the set: its id, and the SHA-256 (hex) of its own image there."""

    id: str
    sha256: str


@dataclass
class Photographs:
    """The photographs of a folder, prepared in a set.

    Attributes:
        source: the folder, which is only read.
        folder: of the set.
        size: width and height of every image, in pixels.
        objects: names to look for.
        detector: finds them.
        depth: estimates depth; None for no depth.
        progress: is told.
        repeated: files whose bytes are those of another one.
        unreadable: files that are no whole image, with why.
    """

    source: Path
    folder: Path
    size: tuple[int, int]
    objects: Sequence[str]
    detector: Detector
    depth: DepthModel | None
    progress: Progress
    repeated: int = 0
    unreadable: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the images and the boxes."""
        return {
            "size": list(self.size),
            "objects": list(self.objects),
            "detector": self.detector.signature(),
            "identity": self.detector.identity(),
        }

    def files(self) -> list[Path]:
        """The image files of the folder and those below it, by their names; links are left out.

        Raises:
            UserError: no folder, or no such file in it.
        """
        if not self.source.is_dir():
            raise UserError(f"{self.source} is not a folder: give one with photographs.")
        own = self.folder.resolve()
        found = sorted(
            path
            for path in self.source.rglob("*")
            if path.suffix.lower() in _ENDINGS
            and not path.is_symlink()
            and path.is_file()
            and own not in path.resolve().parents
        )
        if not found:
            others = sum(path.is_file() for path in self.source.rglob("*"))
            raise UserError(
                f"{self.source} has no photograph: {others:,} files, and none of them ends in "
                f"{', '.join(sorted(_ENDINGS))}; give a folder with some."
            )
        return found

    def check(self) -> None:
        """Whether detector and depth model can be had, and the set is one of these settings.

        Raises:
            UserError: something is missing; the set was begun with others, which are named.
        """
        found = [*self.detector.requirements(self.objects)]
        if self.depth is not None:
            found += self.depth.requirements()
        found.append(required("a set of these settings", self._same_settings))
        require(found, fetch=self._fetch)

    def looked_at(self) -> Generator[tuple[Photograph, Detections], None, None]:
        """Every photograph with what the detector found in it, in the order of the files.

        Raises:
            UserError: none of the files can be read; no space, no permission.
        """
        files = self.files()
        self.check()
        make_folder(self.folder)
        make_folder(self.folder / FOLDER, self.folder)
        content = json.dumps(self.settings, indent=2).encode() + b"\n"
        write_if_other(self.folder / FOLDER / SETTINGS, content, self.folder)
        yield from self._each(files)
        if self.unreadable:
            shown = "; ".join(f"{path.name}: {why}" for path, why in self.unreadable[:_SHOWN])
            told = f"{len(self.unreadable):,} of {len(files):,} photographs cannot be read ({shown}"
            told += "; ...)" if len(self.unreadable) > _SHOWN else ")"
            if len(self.unreadable) + self.repeated == len(files):
                raise UserError(f"{told}, so that there is nothing to look at in {self.source}.")
            self.progress.notice(f"{told} and are left out")

    def depth_of(self, one: Photograph) -> Depth:
        """The depth map of a photograph in 0 to 1, made where there is none."""
        assert self.depth is not None
        path = self.folder / FOLDER / _DEPTH / slug(self.depth.signature()) / f"{one.id}.png"
        width, height = self.size
        if is_regular(path, self.folder):
            image = open_image(read_limited(path, LARGE, self.folder), ("PNG",))
            if image.info.get(IMAGE_HASH) == one.sha256:
                return scaled_depth(np.asarray(image), width, height)
        photograph = read_rgb(read_limited(self.path(one.id), LARGE, self.folder), ("PNG",))
        (values,) = self.depth.estimate([photograph])
        make_folder(path.parent, self.folder)
        encoded = encode_depth(self.depth.levels(values), one.sha256)
        write_atomic(path, encoded)
        # As it is read again, so that a set that was continued is the same.
        stored = np.asarray(open_image(encoded, ("PNG",)))
        return scaled_depth(stored, width, height)

    def path(self, photograph: str) -> Path:
        """Where the image of a photograph lies in the set."""
        return self.folder / FOLDER / f"{photograph}.png"

    def _each(self, files: Sequence[Path]) -> Iterator[tuple[Photograph, Detections]]:
        journal = Journal(self.folder / FOLDER / _BOXES)
        found = {
            record["prompt_id"]: BoxRecord.from_json(record)
            for record in journal.records(self.progress.notice)
        }
        seen: dict[str, None] = {}
        self.progress.begin(FOLDER, 0, len(files))
        with journal.writer() as writer:
            for path in files:
                self.progress.advance(1)
                try:
                    content = read_limited(path, LARGE)
                    name = hashlib.sha256(content).hexdigest()[:_ID]
                    if name in seen:
                        self.repeated += 1
                        continue
                    record = found.get(name)
                    there = record is not None and is_regular(self.path(name), self.folder)
                    image = None if there else read_rgb(content, _FORMATS)
                except (OSError, ValueError) as error:
                    self.unreadable.append((path, str(error)))
                    continue
                seen[name] = None
                if record is None or image is not None:
                    assert image is not None
                    record = self._look(name, self._cut(image))
                    writer.append([record.to_json()])
                yield Photograph(name, str(record.image_sha256)), record.detections()
        order = {name: place for place, name in enumerate(seen)}
        journal.merge(lambda key: (order.get(key[0], len(order)), key[1]), self.progress.notice)
        self.progress.end()

    def _cut(self, image: Image.Image) -> Image.Image:
        """The middle of an RGB image, as large as it can be, in the size of the set."""
        from PIL import Image, ImageOps

        return ImageOps.fit(image, self.size, Image.Resampling.LANCZOS)

    def _look(self, name: str, image: Image.Image) -> BoxRecord:
        """Store a photograph and look at it."""
        encoded = encode_png(image)
        write_atomic(self.path(name), encoded)
        (seen,) = self.detector.detect([image], [list(self.objects)])
        sha256 = hashlib.sha256(encoded).hexdigest()
        return found_record(self.detector, (name, 0), sha256, seen, image)

    def _same_settings(self) -> None:
        path = self.folder / FOLDER / SETTINGS
        if not path.exists():
            return
        try:
            before = read_json(path, below=self.folder)
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read ({error}): give another --out.") from error
        other = differences(before, json.loads(canonical_json(self.settings)))
        if other:
            raise UserError(
                f"{self.folder} holds photographs of other settings, which differ in "
                f"{'; '.join(other)} (there -> now): give those, or another --out."
            )

    def _fetch(self) -> None:
        self.detector.download()
        if self.depth is not None:
            self.depth.download()
