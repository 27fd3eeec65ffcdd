"""An image as T2I-CompBench hands it to UniDet: about 479 pixels, BGR, 0 to 255."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from PIL import Image

SHORT, LONG = 479, 480


def frame_size(width: int, height: int) -> tuple[int, int]:
    """Width and height with the short side 479, or the long side 480 where that is less.

    torchvision's ``Resize(479, max_size=480)``: both roundings go down, one after the other.
    """
    short, long = sorted((width, height))
    new_short, new_long = SHORT, int(SHORT * long / short)
    if new_long > LONG:
        new_short, new_long = int(LONG * new_short / new_long), LONG
    return (new_short, new_long) if width <= height else (new_long, new_short)


def prepare(image: Image.Image) -> torch.Tensor:
    """float32 (3, h, w), channels blue, green, red; resized with Pillow's bilinear filter."""
    import torch
    from PIL import Image as Pillow

    resized = image.convert("RGB").resize(
        frame_size(image.width, image.height), Pillow.Resampling.BILINEAR
    )
    blue_first = np.ascontiguousarray(np.asarray(resized)[:, :, ::-1].transpose(2, 0, 1))
    return torch.from_numpy(blue_first).float()
