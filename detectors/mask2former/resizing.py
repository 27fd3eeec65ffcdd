"""Bilinear resizing of 8-bit images with OpenCV's arithmetic, which mmdet's images go through.

``cv::resize`` with ``INTER_LINEAR``: two taps whatever the scale, weights of 11 bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Int32Array = npt.NDArray[np.int32]

_ONE = 2048


def resize_bilinear(image: UInt8Array, height: int, width: int) -> UInt8Array:
    """An image (h, w, channels) at another size, (height, width, channels)."""
    left, right, across = _taps(image.shape[1], width)
    top, bottom, down = _taps(image.shape[0], height)
    wide = image.astype(np.int32)
    weights = across[:, :, None]
    rows = wide[:, left] * weights[0] + wide[:, right] * weights[1]
    rows >>= 4
    weights = down[:, :, None, None]
    total = ((rows[top] * weights[0]) >> 16) + ((rows[bottom] * weights[1]) >> 16)
    result: UInt8Array = ((total + 2) >> 2).clip(0, 255).astype(np.uint8)
    return result


def _taps(
    length: int, wanted: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Int32Array]:
    """For each new position the two old ones it mixes, and their weights (2, wanted) of 2048."""
    scale = length / wanted
    at = ((np.arange(wanted) + 0.5) * scale - 0.5).astype(np.float32)
    first = np.floor(at).astype(np.int64)
    fraction = at - first.astype(np.float32)
    weights = np.stack([np.float32(1) - fraction, fraction]) * np.float32(_ONE)
    low, high = first.clip(0, length - 1), (first + 1).clip(0, length - 1)
    return low, high, np.rint(weights).astype(np.int32)
