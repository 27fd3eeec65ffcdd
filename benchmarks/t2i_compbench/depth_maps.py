"""Depth maps for the 3D rule: 8-bit images as the official scorer writes them.

It keeps the inverse depth of DPT-hybrid (larger is nearer) under the sample's own file name and
size, and resizes it to its frame like the image. Source: ``UniDet_eval/3D_spatial_eval.py`` and
its data set module in Karine-Huang/T2I-CompBench @ 1b70949.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spatialbench.errors import UserError
from spatialbench.files.documents import read_limited
from spatialbench.files.images import open_image
from spatialbench.plugins import ImageRequest
from spatialbench.plugins.evidence import Evidence, Source

from .boxes import Box
from .frame import frame_size
from .official_names import depth_name

FOLDER_VARIABLE = "SPATIALBENCH_T2I_DEPTH"
"""Names the folder of the depth maps, such as ``labels/depth/samples`` of an official run."""

_LARGEST = 256 << 20
"""Bytes of a map's file."""

Depth = npt.NDArray[np.float32]
"""Inverse depth in 0 to 1, float32 of shape (height, width) of the frame; larger is nearer."""


def read_depth(path: Path) -> Depth:
    """A depth map in the frame of its image.

    Raises:
        UserError: no such file, or not an 8-bit grey image.
    """
    from PIL import Image

    try:
        image = open_image(read_limited(path, _LARGEST), ("PNG",))
    except FileNotFoundError as error:
        raise UserError(
            f"there is no depth map {path}: expected one 8-bit PNG per image, named like the "
            "image (a dog in front of a cat_000310.png)."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"the depth map {path} cannot be read ({error}); write it again."
        ) from error
    if image.mode != "L":
        raise UserError(
            f"the depth map {path} is an image of mode {image.mode}: expected 8-bit grey (mode "
            "L), larger values nearer, as the official scorer writes them."
        )
    size = frame_size(*image.size)
    if min(size) < 1:
        raise UserError(f"the depth map {path} is {image.size} pixels: write it again.")
    small = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(small, dtype=np.float32) / np.float32(255)


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
        """The map of an image. Raises UserError for no map, or one of another shape."""
        told = {"index": evidence.index} if evidence.record is None else evidence.record.content
        path = depth_folder() / depth_name(evidence.prompt, told)
        found = read_depth(path)
        width, height = frame_size(evidence.boxes.width, evidence.boxes.height)
        if found.shape != (height, width):
            raise UserError(
                f"the depth map {path} is of an image of another shape (its frame is "
                f"{found.shape[1]}x{found.shape[0]}, the image's {width}x{height}): make it "
                "from the same image."
            )
        return found

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
                f"{len(requests):,} are not in {folder}, such as {absent[0]}."
            )


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
