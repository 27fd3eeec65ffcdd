"""The depth maps of a run: one 8- or 16-bit grey image per image, larger values nearer.

They lie in a folder as ``<prompt id>/<k>.png``, beside the images they were made from:
``RUN/depth/<model>`` where ``spatialbench depth`` wrote them, or wherever ``--rule
NAME:depth=FOLDER`` says. ``stages.json`` in the folder names the model that made them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError, typed
from ...files.documents import LARGE, read_json, read_limited
from ...files.images import open_image
from ...files.regular_files import is_regular, names_below
from ...plugins import ImageRequest
from ...plugins.evidence import Evidence, Source
from ...plugins.records import IMAGE_HASH
from ...runs.names import safe_id, slug
from .box_pairs import BoolArray
from .object_depth import Depth, scaled_depth
from .stored_masks import read_masks

SUBFOLDER = "depth"
DESCRIPTION = "depth.json"
_GREY = ("L", "I;16", "I;16L", "I;16B", "I")


@dataclass(frozen=True, slots=True)
class DepthFolder:
    """A folder of depth maps, and perhaps of object masks.

    ``run`` is the run it lies in, below which no link is followed; None for a folder that the user
    named.
    """

    path: Path
    run: Path | None = None

    @classmethod
    def of_model(cls, run: Path, signature: str) -> DepthFolder:
        """Where the maps of a model lie in a run, whether or not there are some."""
        return cls(run / SUBFOLDER / slug(signature), run)

    @property
    def signature(self) -> str:
        """The models' words for signatures; the folder's name where nobody wrote one."""
        known = self._described("signature")
        if known is None:
            return slug(self.path.resolve().name)
        masks = self.masks_signature
        return known if masks is None else f"{known}/{masks}"

    @property
    def masks_signature(self) -> str | None:
        """The word of the model that made the masks; None where none did."""
        return self._described("masks")

    @property
    def model(self) -> str | None:
        """The name of the model that made the maps; None where nobody wrote one."""
        identity = self._read("identity")
        return identity.get("model") if isinstance(identity, dict) else None

    @property
    def _below(self) -> Path:
        return self.run or self.path

    def _described(self, key: str) -> str | None:
        value = self._read(key)
        # Anything else would break the signatures it becomes a part of.
        return value if isinstance(value, str) and value == slug(value) else None

    def _read(self, key: str) -> Any:
        try:
            return read_json(self.path / DESCRIPTION, below=self._below).get(key)
        except (OSError, ValueError, AttributeError):
            return None

    def map_path(self, prompt_id: str, index: int) -> Path:
        """Where the map of an image lies. Raises UserError for an id that is not a folder name."""
        return self.path / safe_id(prompt_id) / f"{index:d}.png"

    def masks_path(self, prompt_id: str, index: int) -> Path:
        """Where the masks of an image's boxes lie, if there are any."""
        return self.path / safe_id(prompt_id) / f"{index:d}.masks.npz"

    def read(
        self, prompt_id: str, index: int, width: int, height: int, sha256: str | None = None
    ) -> Depth:
        """The map of an image, scaled to 0 to 1: float32 of shape (height, width).

        Args:
            prompt_id: of the image; ``index`` likewise.
            width: of the image in pixels; ``height`` likewise.
            sha256: of the image's file, in hexadecimal digits; None where nobody knows it.

        Raises:
            UserError: no map, one that is no grey image, one of another size, or one that names
                another image than that of ``sha256``.
        """
        path = self.map_path(prompt_id, index)
        try:
            image = open_image(read_limited(path, LARGE, self._below), ("PNG",))
            made_from = image.info.get(IMAGE_HASH)
            mode, values = image.mode, np.asarray(image)
        except FileNotFoundError:
            raise UserError(
                f"there is no depth map {path}: type 'spatialbench depth RUN' to make those that "
                "are missing, or give --rule NAME:depth=FOLDER with <prompt id>/<k>.png in it."
            ) from None
        except (OSError, ValueError) as error:
            raise UserError(
                f"the depth map {path} cannot be read ({error}): delete it and type 'spatialbench "
                "depth RUN' to make it again."
            ) from error
        if sha256 is not None and made_from not in (None, sha256):
            raise UserError(
                f"the depth map {path} is of an image that was made again with other bytes since: "
                "type 'spatialbench depth RUN' to make it again."
            )
        if mode not in _GREY:
            raise UserError(
                f"the depth map {path} is an image of mode {mode}: expected 8- or 16-bit grey, "
                "larger values nearer."
            )
        try:
            return scaled_depth(values, width, height)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def read_masks(
        self, prompt_id: str, index: int, boxes: Any, width: int, height: int
    ) -> list[BoolArray | None] | None:
        """A mask, or None, for every box; None where the image has no masks at all.

        See :func:`~spatialbench.scoring.rules.stored_masks.read_masks`, also for what it raises.
        """
        path = self.masks_path(prompt_id, index)
        if not os.path.lexists(path):
            return None
        return read_masks(path, boxes, width, height, self._below)

    def state(self) -> str:
        """A hash of the files here: of their names and bytes in a run, else of names and times.

        A run that was stopped and goes on has the same bytes in the end, and other times.
        """
        files = sorted(path for path in self.path.glob("*/*") if path.is_file())
        listed = [(path.relative_to(self.path).as_posix(), *self._told(path)) for path in files]
        return hashlib.sha256(repr(listed).encode()).hexdigest()

    def _told(self, path: Path) -> tuple[int, int | str]:
        try:
            if self.run is not None:
                content = read_limited(path, LARGE, self.run)
                return len(content), hashlib.sha256(content).hexdigest()
        except (OSError, ValueError):
            pass  # whoever reads the map says so
        return path.stat().st_size, path.stat().st_mtime_ns


@dataclass(frozen=True, slots=True)
class DepthSource(Source):
    """The depth maps of a folder as evidence; ``rule`` is the name of the rule that needs them."""

    folder: DepthFolder
    rule: str
    run: Path | None

    def read(self, evidence: Evidence) -> Depth:
        """See ``DepthFolder.read``."""
        record, boxes = evidence.record, evidence.boxes
        sha256 = None if record is None else record.image_sha256
        return self.folder.read(*evidence.key, boxes.width, boxes.height, sha256)

    def state(self) -> str:
        """That of the folder."""
        return self.folder.state()

    def require(self, requests: Sequence[ImageRequest]) -> None:
        """See ``Source.require``."""
        paths = [self.folder.map_path(request.prompt.id, request.index) for request in requests]
        absent = [path for path in paths if not path.is_file()]
        if absent:
            raise UserError(
                f"{self.rule} needs a depth map of {len(requests):,} images, and {len(absent):,} "
                f"are missing, such as {absent[0]}: where the images are there, type "
                f"'{typed('depth', self.run or 'RUN')}'."
            )


@dataclass(frozen=True, slots=True)
class MaskSource(Source):
    """The masks beside the depth maps of a folder, as evidence; an image may have none."""

    folder: DepthFolder

    def read(self, evidence: Evidence) -> list[BoolArray | None] | None:
        """See ``DepthFolder.read_masks``."""
        found = evidence.boxes
        return self.folder.read_masks(*evidence.key, found.boxes, found.width, found.height)

    def state(self) -> str:
        """That of the folder."""
        return self.folder.state()

    def require(self, requests: Sequence[ImageRequest]) -> None:
        """Nothing: where there are no masks, boxes do."""


def given_folder(path: str | Path) -> DepthFolder:
    """The folder a user names. Raises UserError where there is none."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"depth={path} is not a folder: expected one with <prompt id>/<k>.png, or leave depth "
            "out for the maps that 'spatialbench depth RUN' makes."
        )
    return DepthFolder(folder)


def folder_of_model(run: Path, model: str) -> DepthFolder | None:
    """The maps of a run that a model of that name made; None where there are none yet.

    Raises:
        UserError: several such models, of other weights, have made maps there.
    """
    there = [one for one in _made(run) if one.model == model]
    if len(there) > 1:
        raise UserError(
            f"{run} holds maps of several {model} ({', '.join(one.path.name for one in there)}), "
            f"and it is not said which are meant: move the others out of {run / SUBFOLDER}."
        )
    return there[0] if there else None


def folder_of_run(run: Path, rule: str = "NAME") -> DepthFolder | None:
    """The depth maps of a run directory; None where there are none yet.

    Args:
        run: its folder.
        rule: the short name of the rule that asks, for messages.

    Raises:
        UserError: several models have made maps there.
    """
    there = _made(run)
    if len(there) > 1:
        raise UserError(
            f"{run} holds depth maps of several models "
            f"({', '.join(one.path.name for one in there)}): say which, as in --rule "
            f"{rule}:depth={there[0].path}."
        )
    return there[0] if there else None


def _made(run: Path) -> list[DepthFolder]:
    """The folders of a run that hold maps."""
    folders = [run / SUBFOLDER / name for name in names_below(run, run / SUBFOLDER)]
    # A command that failed may have left no more than a description (0.1 did).
    return [
        DepthFolder(folder, run)
        for folder in folders
        if is_regular(folder / DESCRIPTION, run) and next(folder.glob("*/*.png"), None) is not None
    ]
