"""A detector that finds a square by its exact colour."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import unknown_name
from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.requirements import Requirement, required

from . import COLOURS


class ColourBlobs(Detector):
    def identity(self) -> dict[str, Any]:
        return {"detector": "colour-blobs", "version": 1}

    def signature(self) -> str:
        return "colour-blobs@1"

    def load(self) -> None:
        pass

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """What it cannot find is said before the first image."""
        return [required("its colours", lambda: _require_known(names))]

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        return [_find(image, names) for image, names in zip(images, labels, strict=True)]


def _find(image: Image.Image, names: Sequence[str]) -> Detections:
    _require_known(names)
    pixels = np.asarray(image.convert("RGB"))
    boxes, found = [], []
    for name in names:
        rows, columns = np.nonzero((pixels == COLOURS[name]).all(axis=2))
        if len(rows):
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
            found.append(name)
    scores = [0.9] * len(found)
    return Detections.build(boxes or np.empty((0, 4)), scores, found, image.width, image.height)


def _require_known(names: Collection[str]) -> None:
    for name in names:
        if name not in COLOURS:
            raise unknown_name("object of colour-blobs", name, COLOURS)


class ColourBlobsPlugin(DetectorPlugin):
    name = "colour-blobs"
    summary = "finds squares by their colour"

    def configure(self, weights: str | None, device: str, offline: bool) -> ColourBlobs:
        return ColourBlobs()


PLUGIN = ColourBlobsPlugin()
