"""The colour of an object by its pixels: a stand-in for the lab, where no CLIP is at hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from spatialbench.plugins.requirements import Requirement

from .names import COLOURS

if TYPE_CHECKING:
    from PIL import Image

_RGB = {
    "red": (220, 40, 40),
    "orange": (240, 140, 30),
    "yellow": (240, 220, 50),
    "green": (50, 160, 60),
    "blue": (50, 90, 220),
    "purple": (130, 60, 180),
    "pink": (245, 150, 190),
    "brown": (140, 65, 40),
    "black": (25, 25, 25),
    "white": (245, 245, 245),
}


class PixelColours:
    """The named colour nearest to most pixels of the middle of the crop."""

    word = "pixel-colours"

    def identity(self) -> dict[str, Any]:
        """Everything that decides the colours."""
        return {"colours": "pixels", "version": 1}

    def requirements(self) -> list[Requirement]:
        """Nothing is needed."""
        return []

    def download(self) -> None:
        """Nothing to download."""

    def load(self) -> None:
        """Nothing to load."""

    def colours(self, crops: Sequence[Image.Image], label: str) -> list[str]:
        """The colour of each crop, one of ``COLOURS``; the label decides nothing."""
        return [_colour(crop) for crop in crops]


def _colour(crop: Image.Image) -> str:
    import numpy as np

    width, height = crop.size
    box = (width // 4, height // 4, width - width // 4, height - height // 4)
    pixels = np.asarray(crop.convert("RGB").crop(box), dtype=np.float32).reshape(-1, 1, 3)
    named = np.array([_RGB[colour] for colour in COLOURS], dtype=np.float32)
    nearest = ((pixels - named) ** 2).sum(axis=2).argmin(axis=1)
    return COLOURS[int(np.bincount(nearest, minlength=len(COLOURS)).argmax())]
