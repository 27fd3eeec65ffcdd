"""A detector with a colour classifier behind it: boxes that also say what colour the object has.

GenEval looks at the colour of the boxes that count, through their masks. Masks are too large to
store, so the colours are named while the detector still has them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from spatialbench.detections import Detections
from spatialbench.plugins import Detector
from spatialbench.plugins.requirements import Requirement

from .boxes import kept
from .clip_colours import ClipColours
from .pixel_colours import PixelColours

if TYPE_CHECKING:
    from PIL import Image

BACKGROUND = (0x99, 0x99, 0x99)

DEEPEST = 4
"""Boxes of a label whose colour is looked at: the best ones. The benchmark's prompts need one."""

LOWEST = 0.1
"""Boxes with a lower score are never looked at; the rule's own threshold is 0.3."""

Masks = npt.NDArray[np.bool_]


class Colours(Protocol):
    """A colour classifier."""

    @property
    def word(self) -> str:
        """What the signature says of it."""
        ...

    def identity(self) -> dict[str, Any]: ...
    def requirements(self) -> list[Requirement]: ...
    def download(self) -> None: ...
    def load(self) -> None: ...
    def colours(self, crops: Sequence[Image.Image], label: str) -> list[str]: ...


class ColouredDetector(Detector):
    """A detector whose detections carry ``colors``, by masks where it has them, else by boxes."""

    has_colours = True

    def __init__(self, detector: Detector, colours: Colours) -> None:
        self._detector = detector
        self._colours = colours
        self.score_threshold = detector.score_threshold

    def identity(self) -> dict[str, Any]:
        """The detector's identity and the classifier's."""
        region = "mask" if self._detector.has_masks else "box"
        colours = self._colours.identity() | {"region": region, "deepest": DEEPEST}
        return {**self._detector.identity(), "colour": colours}

    def signature(self) -> str:
        """The detector's, the classifier's word, and ``boxes`` where there are no masks."""
        region = "" if self._detector.has_masks else "-in-boxes"
        return f"{self._detector.signature()}+{self._colours.word}{region}"

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The detector's, and the classifier's."""
        return [*self._detector.requirements(names), *self._colours.requirements()]

    def download(self) -> None:
        """Get both from the network where they are missing; see ``plugins.download``."""
        self._detector.download()
        self._colours.download()

    def load(self) -> None:
        """Load both models."""
        self._detector.load()
        self._colours.load()

    def unload(self) -> None:
        """Let the detector give its memory back."""
        self._detector.unload()

    def prepare(self, image: Image.Image) -> None:
        """What the detector needs of it."""
        self._detector.prepare(image)

    def self_test(self) -> str:
        """The detector's."""
        return self._detector.self_test()

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """As the detector, with the colours of the best boxes of every asked label."""
        pairs: list[tuple[Detections, Masks | None]]
        if self._detector.has_masks:
            found = self._detector.detect_masks(images, labels)
            pairs = [(one.detections, one.masks) for one in found]
        else:
            pairs = [(one, None) for one in self._detector.detect(images, labels)]
        return [
            self._coloured(image, detections, masks, asked)
            for image, (detections, masks), asked in zip(images, pairs, labels, strict=True)
        ]

    def _coloured(
        self,
        image: Image.Image,
        detections: Detections,
        masks: Masks | None,
        asked: Sequence[str],
    ) -> Detections:
        colours: list[str | None] = [None] * len(detections)
        for label in dict.fromkeys(asked):
            rows = [i for i, name in enumerate(detections.labels) if name == label]
            scores = detections.scores[rows]
            best = [rows[i] for i in kept(detections.boxes[rows], scores, LOWEST, DEEPEST, 1.0)]
            crops = [
                cut_out(image, detections.boxes[i], None if masks is None else masks[i])
                for i in best
            ]
            for i, colour in zip(best, self._colours.colours(crops, label), strict=True):
                colours[i] = colour
        return replace(detections, colors=tuple(colours))


def coloured(detector: Detector, device: str, offline: bool) -> Detector:
    """The detector with CLIP's colours behind it; with pixels' behind the lab's own."""
    if detector.signature().startswith("lab-"):
        return ColouredDetector(detector, PixelColours())
    return ColouredDetector(detector, ClipColours(device, offline))


def cut_out(
    image: Image.Image, box: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_] | None
) -> Image.Image:
    """An object's crop: everything outside its mask grey, cut at the rounded box.

    Args:
        image: RGB.
        box: x0, y0, x1, y1 in pixels, y down; parts outside the image are cut off.
        mask: bool (height, width) of the image, or None for the whole box.
    """
    from PIL import Image

    if mask is not None:
        grey = Image.new("RGB", image.size, BACKGROUND)
        image = Image.composite(image.convert("RGB"), grey, Image.fromarray(mask))
    x0, y0, x1, y1 = (round(corner) for corner in box.tolist())
    x0, y0 = min(max(x0, 0), image.width - 1), min(max(y0, 0), image.height - 1)
    x1, y1 = max(min(x1, image.width), x0 + 1), max(min(y1, image.height), y0 + 1)
    return image.crop((x0, y0, x1, y1))
