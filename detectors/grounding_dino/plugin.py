"""Grounding DINO behind the Detector protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.weights.hub import HubSource
from spatialbench.weights.origin import Weights, choose

from ..asked_names import require_lists
from ..canary import plain_images, require_different
from ..model_folder_detector import ModelFolderDetector, ModelFolderPlugin
from .model import IMAGE_PROCESSOR, MODEL_CLASS, GroundingDinoModel

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.05
"""Boxes with a score above it are kept; the lowest threshold of a rule is 0.1."""

BASE = HubSource("IDEA-Research/grounding-dino-base", "12bdfa3120f3e7ec7b434d90674b3396eccf88eb")
"""The revision others pin."""


class GroundingDinoDetector(ModelFolderDetector[GroundingDinoModel]):
    """Grounding DINO with its weights chosen: all names of an image in one sentence."""

    def open_model(self, folder: Path) -> GroundingDinoModel:
        """See ``ModelFolderDetector``."""
        return GroundingDinoModel(folder, self.device, self.name)

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

    def prepare(self, image: Image.Image) -> None:
        """Its pixels as the model reads them."""
        self.loaded().ahead.begin(image)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Look for ``labels[i]`` in ``images[i]``; a box carries the one name it fits best.

        Boxes are corners in pixels of the original image, in the order of the queries; nothing is
        suppressed.

        Raises:
            UserError: a name the model cannot read, or output that is not finite.
        """
        require_lists(images, labels)
        return [self._look(image, asked) for image, asked in zip(images, labels, strict=True)]

    def _look(self, image: Image.Image, asked: Sequence[str]) -> Detections:
        names = list(dict.fromkeys(asked))
        # Nothing is looked for where a prompt names no object, and the model needs a sentence.
        if not names:
            return Detections.build([], [], (), image.width, image.height)
        found = self.loaded().look(image, names, FLOOR)
        return Detections.build(
            found.boxes.cpu().numpy(),
            found.scores.cpu().numpy(),
            [names[i] for i in found.names.tolist()],
            image.width,
            image.height,
        )

    def self_test(self) -> str:
        """Look at plain images: finite scores of every query that depend on what is seen.

        Raises:
            UserError: the model is broken.
        """
        model = self.loaded()
        grey, noisy = (
            model.look(image, ["dog", "cat"], floor=-1.0).scores for image in plain_images()
        )
        require_different(grey, noisy)
        return f"{len(grey)} queries answer soundly to two plain images"


class GroundingDinoPlugin(ModelFolderPlugin):
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> GroundingDinoDetector:
        """Choose the weights: None for the plug-in's own, a folder, or ``org/name@commit``.

        Raises:
            UserError: neither a folder that exists nor a pinned repository.
        """
        chosen = self.weights if weights is None else choose(weights, self.name, MODEL_CLASS)
        return GroundingDinoDetector(self.name, chosen, device, offline)


PLUGIN = GroundingDinoPlugin(
    "grounding-dino",
    "Grounding DINO base, open vocabulary: reads the names as one sentence",
    Weights("grounding-dino", (BASE,), fetched_as="grounding-dino"),
)
