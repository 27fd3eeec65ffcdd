"""Object masks as a file: for each box of a detector, which pixels are of its object."""

from __future__ import annotations

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import UserError
from ...files.documents import SMALL, read_limited
from .box_pairs import BoolArray

LARGEST = 256 << 20
"""Bytes that an array of the file may unpack to: 500 masks of 2048 x 2048 pixels."""


def packed_masks(boxes: npt.NDArray[np.float32], masks: npt.NDArray[np.bool_]) -> bytes:
    """The content of the file: an ``.npz`` with eight pixels a byte.

    Args:
        boxes: (n, 4).
        masks: (n, height, width).
    """
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        boxes=boxes.astype(np.float32),
        size=np.array(masks.shape[1:]),
        masks=np.packbits(masks.reshape(len(masks), -1), axis=1),
    )
    return buffer.getvalue()


def read_masks(
    path: Path,
    boxes: npt.NDArray[np.float32],
    width: int,
    height: int,
    below: Path | None = None,
) -> list[BoolArray | None]:
    """A mask of shape (height, width), or None, for every box.

    Args:
        path: the file.
        boxes: float32, (n, 4). A stored mask belongs to the box of exactly the same corners.
        width: of the image, in pixels; ``height`` likewise.
        below: the folder below which no link is followed.

    Raises:
        UserError: a damaged file, or masks of another size.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(read_limited(path, SMALL, below))) as stored:
            size, corners, bits = (_array(stored, name) for name in ("size", "boxes", "masks"))
        if size.tolist() != [height, width]:
            raise ValueError(f"they are of size {size.tolist()} and not [{height}, {width}]")
        row_bytes = math.ceil(height * width / 8)
        if corners.shape[1:] != (4,) or bits.shape != (len(corners), row_bytes):
            raise ValueError("its boxes and masks do not belong together")
        if bits.dtype != np.uint8:
            raise ValueError(f"its masks are of {bits.dtype}")
        rows = {
            box.tobytes(): row for box, row in zip(corners.astype(np.float32), bits, strict=True)
        }
    except UserError:
        raise
    # An archive can make zipfile and numpy stumble over anything.
    except Exception as error:
        raise UserError(
            f"the masks {path} cannot be read ({error or type(error).__name__}): delete the file "
            "and type 'spatialbench depth RUN --masks' to make it again."
        ) from error
    wanted = np.ascontiguousarray(boxes, dtype=np.float32).reshape(-1, 4)
    found = [rows.get(box.tobytes()) for box in wanted]
    return [None if row is None else _unpacked(row, width, height) for row in found]


def _unpacked(row: npt.NDArray[np.uint8], width: int, height: int) -> BoolArray:
    return np.unpackbits(row, count=height * width).reshape(height, width).astype(bool)


def _array(stored: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    """An array of an ``.npz``; its header is believed only as far as there are bytes."""
    member = stored.getinfo(f"{name}.npy")
    if member.file_size > LARGEST:
        raise ValueError(f"its {name} are larger than {LARGEST >> 20} MB")
    with stored.open(member) as file:
        shape, in_columns, dtype = _header(file)
        content = file.read()
    if dtype.hasobject or in_columns or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"its {name} are no plain array")
    return np.frombuffer(content, dtype).reshape(shape)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"numpy's format {version} is not read here")
    return np.lib.format.read_array_header_1_0(file)
