"""Grounding DINO behind the Detector protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.checkpoints.hub import HubSource
from spatialbench.checkpoints.model_folder import Weights, choose
from spatialbench.detections import Detections

from ..canary import plain_pictures, require_different
from .model import IMAGE_PROCESSOR, MODEL_CLASS, GroundingDinoModel

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.05
"""Boxes with a score above it are kept; the lowest threshold of a rule is 0.1."""

BASE = HubSource("IDEA-Research/grounding-dino-base", "12bdfa3120f3e7ec7b434d90674b3396eccf88eb")
"""The revision others pin."""


class GroundingDinoDetector:
    """Grounding DINO with its weights chosen: all names of a picture in one sentence."""

    def __init__(self, name: str, weights: Weights, device: str, offline: bool) -> None:
        self.name = name
        self.weights = weights
        self.device = device
        self.offline = offline
        self._model: GroundingDinoModel | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": "grounding-dino",
            "version": VERSION,
            "weights": self.weights.identity(),
            "image_processor": IMAGE_PROCESSOR,
            "query": "{name}. {name}.",
            "score": "highest token of the name",
            "floor": FLOOR,
        }

    def signature(self) -> str:
        """See :meth:`Weights.signature`."""
        return self.weights.signature()

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        self.weights.locate(offline=self.offline)

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another class of model, or weights that are
                missing, unexpected or not finite.
        """
        if self._model is None:
            folder = self.weights.locate(offline=self.offline)
            self._model = GroundingDinoModel(folder, self.device, self.name)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Look for ``labels[i]`` in ``images[i]``; a box carries the one name it fits best.

        Boxes are corners in pixels of the original image, in the order of the queries; nothing is
        suppressed.

        Raises:
            UserError: a name the model cannot read, or output that is not finite.
        """
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} lists of labels")
        return [self._look(image, asked) for image, asked in zip(images, labels, strict=True)]

    def _look(self, image: Image.Image, asked: Sequence[str]) -> Detections:
        names = list(dict.fromkeys(asked))
        # Nothing is looked for where a prompt names no object, and the model needs a sentence.
        if not names:
            return Detections.build([], [], (), image.width, image.height)
        self.load()
        assert self._model is not None
        found = self._model.look(image, names, FLOOR)
        return Detections.build(
            found.boxes.cpu().numpy(),
            found.scores.cpu().numpy(),
            [names[i] for i in found.names.tolist()],
            image.width,
            image.height,
        )

    def self_test(self) -> str:
        """Look at plain pictures: finite scores of every query that depend on what is seen.

        Raises:
            UserError: the model is broken.
        """
        self.load()
        assert self._model is not None
        grey, noisy = (
            self._model.look(image, ["dog", "cat"], floor=-1.0).scores for image in plain_pictures()
        )
        require_different(grey, noisy)
        return f"{len(grey)} queries answer soundly to two plain pictures"


@dataclass(slots=True)
class GroundingDinoPlugin:
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    name: str
    summary: str
    weights: Weights

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> GroundingDinoDetector:
        """Choose the weights: None for the plug-in's own, a folder, or ``org/name@commit``.

        Raises:
            UserError: neither a folder that exists nor a pinned repository.
        """
        chosen = self.weights if weights is None else choose(weights, self.name, MODEL_CLASS)
        return GroundingDinoDetector(self.name, chosen, device, offline)

    def fetch(self) -> Path:
        """Download what is missing of the plug-in's own weights, and return their folder."""
        return self.weights.fetch()


PLUGIN = GroundingDinoPlugin(
    "grounding-dino",
    "Grounding DINO base, open vocabulary: reads the names as one sentence",
    Weights("grounding-dino", BASE, own=True),
)
