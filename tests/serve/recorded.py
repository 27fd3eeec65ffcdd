"""Recorded requests of trainers: what a reward server saw in each image, and a detector to say so.

The images of the cases are not recorded, so each has one made for it; those of the requests are
small JPEGs with boxes of a larger image. Boxes are brought into an image by a power of two, which
changes no relation between them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.files.images import read_rgb
from spatialbench.plugins import Detector
from tests.reference_data import reference

Json = dict[str, Any]

FORMATS = ("PNG", "JPEG", "WEBP")


def servers() -> Path:
    """The folder with cases and records: that of SPATIALBENCH_SERVERS where it is set."""
    own = os.environ.get("SPATIALBENCH_SERVERS")
    return Path(own) if own else reference("servers")


def cases() -> list[Json]:
    """Requests with what the official server replied; see ``servers.md`` of the reference data."""
    place = servers()
    files = sorted(place.rglob("server_cases*.json")) if place.is_dir() else [place]
    assert files, f"{place} has no server_cases*.json"
    return [case for file in files for case in json.loads(file.read_text())["cases"]]


class RecordedDetector(Detector):
    """Finds in an image what was recorded of it, colours included, and knows no other image.

    Attributes:
        passes: how many images each call of ``detect`` was given.
    """

    has_colours = True

    def __init__(self) -> None:
        self._seen: dict[str, Json] = {}
        self.passes: list[int] = []

    def record(self, image: bytes, seen: Mapping[str, Any]) -> bytes:
        """Keep what is found in an encoded image: ``boxes`` and ``colors`` by class."""
        digest = _digest(read_rgb(image, FORMATS))
        assert self._seen.setdefault(digest, dict(seen)) == seen, "two of these pixels"
        return image

    def identity(self) -> Json:
        return {"detector": "recorded"}

    def signature(self) -> str:
        return "recorded@1"

    def load(self) -> None:
        return

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        self.passes.append(len(images))
        return [self._found(self._seen[_digest(image)], image) for image in images]

    def _found(self, seen: Json, image: Image.Image) -> Detections:
        rows = [
            (label, box, colour)
            for label, boxes in seen["boxes"].items()
            for box, colour in zip(boxes, seen["colors"][label], strict=True)
        ]
        boxes = np.array([box[:4] for _, box, _ in rows], np.float32).reshape(-1, 4)
        while True:
            found = Detections.build(
                boxes,
                [box[4] for _, box, _ in rows],
                [label for label, _, _ in rows],
                *image.size,
                [colour for _, _, colour in rows],
            )
            try:
                return found.require_sound()
            except UserError:
                boxes = boxes / np.float32(2)


def image_of(number: int, side: int = 32, kind: str = "PNG") -> bytes:
    """An image of noise that no other number has."""
    noise = np.random.default_rng(number).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    return file.getvalue()


def _digest(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()
