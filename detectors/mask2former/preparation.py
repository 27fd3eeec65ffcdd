"""An image as GenEval's Mask2Former reads it: resized into 1333 x 800, padded, normalised.

The test pipeline of ``mask2former_r50_lsj_8x2_50e_coco.py`` in mmdet 2.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .resizing import resize_bilinear

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .instances import Canvas

LONG, SHORT = 1333, 800
DIVISOR = 32
PADDING = 128
"""The grey of the padding, which is normalised with the image."""

MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)


def resized_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the largest image of the same shape within 1333 x 800."""
    factor = min(LONG / max(width, height), SHORT / min(width, height))
    return int(width * factor + 0.5), int(height * factor + 0.5)


def prepare(image: Image.Image) -> tuple[torch.Tensor, Canvas]:
    """The normalised image, float32 (1, 3, h, w) in RGB, and its sizes."""
    import torch

    from .instances import Canvas

    width, height = resized_size(image.width, image.height)
    pixels = resize_bilinear(np.asarray(image.convert("RGB")), height, width)
    margins = ((0, -height % DIVISOR), (0, -width % DIVISOR), (0, 0))
    padded = np.pad(pixels, margins, constant_values=PADDING)
    normalised = normalise(padded)
    size = (padded.shape[0], padded.shape[1])
    canvas = Canvas(size, (height, width), (image.height, image.width))
    return torch.from_numpy(normalised)[None], canvas


def normalise(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """An RGB image uint8 (h, w, 3) as float32 (3, h, w) around 0."""
    shifted = pixels.astype(np.float32) - np.array(MEAN, dtype=np.float32)
    scaled = shifted * (1 / np.array(STD)).astype(np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1), dtype=np.float32)
