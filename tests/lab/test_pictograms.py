"""The drawings are data; their pixels are those that the lab's models were trained on."""

from __future__ import annotations

import hashlib

from spatialbench.lab.pictograms import NAMES, PICTOGRAMS, render
from spatialbench.lab.world import SIZES

PIXELS = "1862ccedf4358270ab0690ba714734976a528a511e8793b4e784783383d497ca"
"""Taken from the drawing code of version 0.1, with the pinned Pillow."""


def test_every_drawing_has_the_pixels_of_the_world_the_lab_was_trained_on() -> None:
    digest = hashlib.sha256()
    for name in NAMES:
        drawn = hashlib.sha256()
        for size in range(SIZES[0], SIZES[1] + 1):
            drawn.update(render(PICTOGRAMS[name], size).tobytes())
        digest.update(drawn.digest())
    assert len(NAMES) == 106
    assert digest.hexdigest() == PIXELS
