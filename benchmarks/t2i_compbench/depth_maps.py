"""Depth maps for the 3D rule: 8-bit images as the official scorer writes them.

They are those that a run made of its own images, or those of an official run's folder.

It keeps the inverse depth of DPT-hybrid (larger is nearer) under the sample's own file name and
size, and resizes it to its frame like the image. Source: ``UniDet_eval/3D_spatial_eval.py`` and
its data set module in Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spatialbench.errors import UserError, typed
from spatialbench.files.documents import read_limited
from spatialbench.files.images import open_image
from spatialbench.plugins import ImageRequest
from spatialbench.plugins.evidence import Evidence, Source
from spatialbench.plugins.records import IMAGE_HASH
from spatialbench.scoring.rules.depth_maps import DepthFolder, folder_of_model

from .boxes import Box
from .frame import frame_size
from .official_names import depth_name

DEPTH_MODEL = "dpt-hybrid"
"""What makes the maps of a run."""

FOLDER_VARIABLE = "SPATIALBENCH_T2I_DEPTH"
"""Names the folder of the depth maps, such as ``labels/depth/samples`` of an official run."""

_LARGEST = 256 << 20
"""Bytes of a map's file."""

if TYPE_CHECKING:
    from PIL import Image

Depth = npt.NDArray[np.float32]
"""Inverse depth in 0 to 1, float32 of shape (height, width) of the frame; larger is nearer."""


def read_depth(path: Path) -> Depth:
    """A depth map in the frame of its image.

    Raises:
        UserError: no such file, or not an 8-bit grey image.
    """
    return _framed(_opened(path), path)


def _opened(path: Path, below: Path | None = None) -> Image.Image:
    """The 8-bit image of a map. Raises UserError as ``read_depth``."""
    try:
        image = open_image(read_limited(path, _LARGEST, below), ("PNG",))
    except FileNotFoundError as error:
        way = (
            "expected one 8-bit PNG per image, named like the image (a dog in front of a "
            "cat_000310.png)"
            if below is None
            else f"type '{typed('depth', below, '--model', DEPTH_MODEL)}'"
        )
        raise UserError(f"there is no depth map {path}: {way}.") from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"the depth map {path} cannot be read ({error}); write it again."
        ) from error
    if image.mode != "L":
        raise UserError(
            f"the depth map {path} is an image of mode {image.mode}: expected 8-bit grey (mode "
            "L), larger values nearer, as the official scorer writes them."
        )
    return image


def _framed(image: Image.Image, path: Path) -> Depth:
    from PIL import Image as Images

    size = frame_size(*image.size)
    if min(size) < 1:
        raise UserError(f"the depth map {path} is {image.size} pixels: write it again.")
    small = image.resize(size, Images.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def _fitting(path: Path, evidence: Evidence, below: Path | None = None) -> Depth:
    """The map of an image.

    Raises:
        UserError: as ``read_depth``; or a map of another size, or of an image that was made again.
    """
    image, record = _opened(path, below), evidence.record
    width, height = evidence.boxes.width, evidence.boxes.height
    # Official detections are in pixels of the frame, and do not tell the size of their image.
    told = frame_size(width, height) == (width, height)
    size = frame_size(*image.size) if told else image.size
    if size != (width, height):
        raise UserError(
            f"the depth map {path} is of an image of another size ({size[0]}x{size[1]}, and the "
            f"image's is {width}x{height}): make it from the same image."
        )
    made_from = image.info.get(IMAGE_HASH)
    sha256 = None if record is None else record.image_sha256
    if made_from is not None and sha256 is not None and made_from != sha256:
        raise UserError(
            f"the depth map {path} is of an image that was made again with other bytes since: "
            f"type '{typed('depth', below or 'RUN', '--model', DEPTH_MODEL)}'."
        )
    return _framed(image, path)


def folder_named() -> bool:
    """Whether ``SPATIALBENCH_T2I_DEPTH`` names a folder, whether or not it is there."""
    return bool(os.environ.get(FOLDER_VARIABLE))


def depth_folder() -> Path:
    """The folder that ``SPATIALBENCH_T2I_DEPTH`` names.

    Raises:
        UserError: it names none.
    """
    given = os.environ.get(FOLDER_VARIABLE)
    if not given or not Path(given).expanduser().is_dir():
        state = f"{given} is not a folder" if given else "there are none"
        raise UserError(
            f"the 3D rules need a depth map of every image and {state}: set {FOLDER_VARIABLE} to "
            "a folder of 8-bit PNGs named like the official samples."
        )
    return Path(given).expanduser()


def folder_state() -> str:
    """A hash of the names, sizes and times of the depth maps; empty where no folder is named."""
    if not os.environ.get(FOLDER_VARIABLE):
        return ""
    maps = sorted(path for path in depth_folder().iterdir() if path.is_file())
    state = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in maps]
    return hashlib.sha256(repr(state).encode()).hexdigest()


class OfficialMaps(Source):
    """The folder's maps as evidence: of the frame's size, under their official names.

    A record may name another file of the folder under the key ``depth``.
    """

    def read(self, evidence: Evidence) -> Depth:
        """The map of an image. Raises UserError for no map, or one of another size."""
        told = {"index": evidence.index} if evidence.record is None else evidence.record.content
        return _fitting(depth_folder() / depth_name(evidence.prompt, told), evidence)

    def state(self) -> str:
        """That of the folder."""
        return folder_state()

    def require(self, requests: Sequence[ImageRequest]) -> None:
        """See ``spatialbench.plugins.evidence.Source``."""
        folder = depth_folder()
        names = (depth_name(request.prompt, {"index": request.index}) for request in requests)
        absent = [name for name in names if not (folder / name).is_file()]
        if absent:
            raise UserError(
                f"the 3D rules need a depth map of every image, and {len(absent):,} of "
                f"{len(requests):,} are not in {folder}, such as {absent[0]}: add them, or unset "
                f"{FOLDER_VARIABLE} for maps that are made here."
            )


@dataclass(frozen=True, slots=True)
class RunMaps(Source):
    """The maps that a depth model made of a run's images, as evidence."""

    run: Path

    def read(self, evidence: Evidence) -> Depth:
        """The map of an image. Raises UserError for no map, or one of another image."""
        return _fitting(self._folder(evidence).map_path(*evidence.key), evidence, self.run)

    def state(self) -> str:
        """That of the folder; empty where there is none yet."""
        found = self._made()
        return "" if found is None else found.state()

    @property
    def word(self) -> str | None:
        """The signature of the model that made them."""
        found = self._made()
        return None if found is None else found.signature

    def require(self, requests: Sequence[ImageRequest]) -> None:
        """See ``spatialbench.plugins.evidence.Source``."""
        found = self._made()
        absent = [
            request
            for request in requests
            if found is None or not found.map_path(request.prompt.id, request.index).is_file()
        ]
        if absent:
            raise UserError(
                f"the 3D rules need a depth map of every image, and {len(absent):,} of "
                f"{len(requests):,} are missing: type '{self._command}', give the 'run' command "
                f"again, or set {FOLDER_VARIABLE} to a folder of 8-bit PNGs named like the "
                "official samples."
            )

    def _folder(self, evidence: Evidence) -> DepthFolder:
        found = self._made()
        if found is None:
            prompt_id, index = evidence.key
            raise UserError(
                f"there is no depth map of image {prompt_id}/{index}: type '{self._command}', or "
                f"set {FOLDER_VARIABLE} to a folder of 8-bit PNGs named like the official samples."
            )
        return found

    def _made(self) -> DepthFolder | None:
        return folder_of_model(self.run, DEPTH_MODEL)

    @property
    def _command(self) -> str:
        return typed("depth", self.run, "--model", DEPTH_MODEL)


def nearness(depth: Depth, box: Box, *, transposed: bool) -> float:
    """Mean of a box's part of the map; NaN where the part is empty.

    Args:
        box: pixels of the frame. Corners are truncated, and negative ones count from the far edge,
            as in the script.
        transposed: take x for the row and y for the column, as the official scorer does.
    """
    x0, y0, x1, y1 = (int(corner) for corner in box)
    part = depth[x0:x1, y0:y1] if transposed else depth[y0:y1, x0:x1]
    return float(part.mean(dtype=np.float64)) if part.size else float("nan")


def nearness_inside(depth: Depth, box: Box) -> float:
    """The same with rows by y, and with the box cut to the image instead of wrapping round."""
    height, width = depth.shape
    x0, x1 = (min(max(corner, 0.0), width) for corner in (box[0], box[2]))
    y0, y1 = (min(max(corner, 0.0), height) for corner in (box[1], box[3]))
    return nearness(depth, (x0, y0, x1, y1), transposed=False)
