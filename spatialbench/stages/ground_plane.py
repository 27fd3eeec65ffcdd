"""Depth by the ground that objects stand on: the lower the foot, the nearer. For flat drawings.

The lab draws pictograms side by side on a pale backdrop. They cover nobody and their sizes are
chance, so their images hold one cue of depth alone: the height in the picture, as of things that
stand on a floor seen from above. This model reads that cue; it has no weights and learned nothing.
By it, in front of and below agree for objects of like size; it says nothing of photographs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from .depth_model import DepthModel

if TYPE_CHECKING:
    from PIL import Image

NAME = "ground-plane"
VERSION = 1
"""Raised whenever an image would get another map."""

CONTRAST = 60
"""Levels of 255 by which some channel of an object differs from the image's median colour; the
lab's backdrops differ from theirs by less."""
LEAST = 0.004
"""Share of the image's pixels from which what stands out is an object; less is a speck."""


@dataclass(frozen=True, slots=True)
class GroundPlane(DepthModel):
    """Every object is an upright card where its foot is; the rest is the floor."""

    def identity(self) -> dict[str, Any]:
        """Name, version, and the two numbers."""
        return {"model": NAME, "version": VERSION, "contrast": CONTRAST, "least": LEAST}

    def signature(self) -> str:
        """``ground-plane@1``."""
        return f"{NAME}@{VERSION}"

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        """Height of the foot, from 0 at the top to 1 at the bottom: float32 (height, width)."""
        return [_feet(np.asarray(image.convert("RGB"), np.int16)) for image in images]


def _feet(pixels: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """The map of an image (height, width, 3), nearer objects in front of farther ones."""
    from scipy import ndimage

    height, width, _ = pixels.shape
    rows = np.arange(1, height + 1, dtype=np.float32)[:, None] / np.float32(height)
    depth: npt.NDArray[np.float32] = np.tile(rows, (1, width)).astype(np.float32)
    contrast = np.abs(pixels - np.median(pixels, axis=(0, 1))).max(-1)
    parts, count = ndimage.label(contrast > CONTRAST, np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    places = ndimage.find_objects(parts)
    cards = [place for place, size in zip(places, sizes, strict=True) if size >= LEAST * parts.size]
    for card in sorted(cards, key=lambda card: int(card[0].stop)):
        depth[card] = rows[card[0].stop - 1]
    return depth


def depth_model(weights: str | None, device: str, offline: bool) -> GroundPlane:
    """The model; it runs on the CPU, offline.

    Raises:
        UserError: weights, which it does not have.
    """
    if weights is not None:
        raise UserError(f"{NAME} has no weights: leave out ':{weights}'.")
    return GroundPlane()


def fetch() -> list[Path]:
    """Nothing."""
    return []
