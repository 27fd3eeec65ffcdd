"""Whether a server heeds seeds, by three images of one prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_ALIKE = 0.25
"""Two images of one seed may differ by so much of what other seeds' differ by, as by rounding."""


def compared(first: Image.Image, again: Image.Image, other: Image.Image) -> tuple[str, str]:
    """``honoured`` or ``ignored``, and why in a few words.

    Args:
        first: an RGB image of some prompt and seed.
        again: of the same prompt and seed.
        other: of the same prompt and another seed.
    """
    same, different = _distance(first, again), _distance(first, other)
    if different == 0:
        return "ignored", "another seed gave the same image"
    if same == 0:
        return "honoured", "one seed gave one image twice, another seed another"
    if same <= _ALIKE * different:
        return "honoured", f"one seed gave images alike to {same:.2g} of 255, but not the same"
    return "ignored", "one seed gave two images"


def _distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in levels; all of them for images of two sizes."""
    if one.size != other.size:
        return 255.0
    pair = (np.asarray(image, dtype=np.int16) for image in (one, other))
    return float(np.abs(np.subtract(*pair)).mean())
