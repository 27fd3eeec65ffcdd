"""Other names of the same things, and a detector that is asked for those it has a class for.

Nothing is renamed unless the user asks for it: ``--synonyms``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..detections import Detections
from ..plugins import Detector, MaskedDetections
from ..plugins.subsets import RENAMED

if TYPE_CHECKING:
    from PIL import Image

    from ..plugins.method import Json
    from ..plugins.requirements import Requirement

SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("airplane", "aeroplane", "plane"),
    ("backpack", "rucksack"),
    ("baseball glove", "baseball mitt"),
    ("bicycle", "bike"),
    ("cell phone", "mobile phone", "cellphone", "smartphone"),
    ("couch", "sofa"),
    ("dining table", "diningtable"),
    ("donut", "doughnut"),
    ("fire hydrant", "hydrant"),
    ("hair drier", "hair dryer", "hairdryer", "blow dryer"),
    ("handbag", "purse"),
    ("hot dog", "hotdog"),
    ("keyboard", "computer keyboard"),
    ("laptop", "laptop computer"),
    ("microwave", "microwave oven"),
    ("motorcycle", "motorbike"),
    ("potted plant", "pottedplant", "houseplant"),
    ("rabbit", "bunny"),
    ("refrigerator", "fridge"),
    ("remote", "remote control"),
    ("surfboard", "surf board"),
    ("teddy bear", "teddy"),
    ("tennis racket", "tennis racquet"),
    ("tie", "necktie"),
    ("toilet", "toilet bowl"),
    ("traffic light", "traffic signal", "stoplight"),
    ("tv", "television", "tv monitor", "tvmonitor", "television set"),
    ("wine glass", "wineglass"),
)
"""Names of one thing, each group in the order in which another name is taken.

Broader and narrower words are none: a handbag is one kind of bag, and a laptop one of computer.
"""


def others(name: str) -> tuple[str, ...]:
    """The other names of a thing, in order; empty where none is listed."""
    group = next((names for names in SYNONYMS if name in names), ())
    return tuple(one for one in group if one != name)


class WithSynonyms(Detector):
    """A detector that is asked for other names of some objects, and answers in the first ones.

    Args:
        detector: with its weights chosen.
        renamed: by the name that prompts have, the one that the detector has.
    """

    def __init__(self, detector: Detector, renamed: Mapping[str, str]) -> None:
        self.detector = detector
        self.renamed = dict(sorted(renamed.items()))
        self.score_threshold = detector.score_threshold
        self.own_labels = detector.own_labels
        self.has_masks = detector.has_masks
        self.has_colours = detector.has_colours

    def identity(self) -> Json:
        """The detector's, and the names."""
        return {**self.detector.identity(), "synonyms": self.renamed}

    def signature(self) -> str:
        """The detector's, ``+synonyms-`` and a hash of the names."""
        told = "\n".join(f"{name}={other}" for name, other in self.renamed.items())
        return (
            f"{self.detector.signature()}{RENAMED}{hashlib.sha256(told.encode()).hexdigest()[:7]}"
        )

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """The detector's."""
        return self.detector.frame(width, height)

    def requirements(self, names: Collection[str]) -> Sequence[Requirement]:
        """The detector's, for its own names."""
        return self.detector.requirements(sorted({self.renamed.get(one, one) for one in names}))

    def download(self) -> None:
        """The detector's."""
        self.detector.download()

    def load(self) -> None:
        """The detector's."""
        self.detector.load()

    def self_test(self) -> str:
        """The detector's."""
        return self.detector.self_test()

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """See ``Detector.detect``; a box has the name that was asked for in its image."""
        found = self.detector.detect(images, self._asked(labels))
        return [self._named(one, asked) for one, asked in zip(found, labels, strict=True)]

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> Sequence[MaskedDetections]:
        """As ``detect``, with masks."""
        found = self.detector.detect_masks(images, self._asked(labels))
        return [
            MaskedDetections(self._named(one.detections, asked), one.masks)
            for one, asked in zip(found, labels, strict=True)
        ]

    def _asked(self, labels: Sequence[Sequence[str]]) -> list[list[str]]:
        return [[self.renamed.get(name, name) for name in names] for names in labels]

    def _named(self, found: Detections, asked: Sequence[str]) -> Detections:
        names = {self.renamed[name]: name for name in asked if name in self.renamed}
        return replace(found, labels=tuple(names.get(label, label) for label in found.labels))
