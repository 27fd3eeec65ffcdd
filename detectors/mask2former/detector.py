"""Mask2Former behind the Detector protocol, with the mask of every box for those who need it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.files.shown_text import counted
from spatialbench.plugins import Detector, MaskedDetections
from spatialbench.plugins.ahead import Ahead
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.devices import check_device

from ..asked_names import require_known, require_lists
from ..canary import plain_images, require_different, require_finite

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .instances import Canvas
    from .models import Loaded

MODEL_CLASS = "Mask2FormerForUniversalSegmentation"
IMAGE_PROCESSOR = "Mask2FormerImageProcessorPil"

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.05
"""Boxes with a score above it are kept; GenEval's lowest threshold is 0.3."""


class Mask2FormerDetector(Detector):
    """A Mask2Former with its weights chosen; mmdet's top 100, mask quality and tight boxes.

    It reports every instance above the floor, whatever names it is asked for.
    """

    has_masks = True

    def __init__(
        self,
        name: str,
        weights: Callable[[], dict[str, Any]],
        word: Callable[[], str],
        open_model: Callable[[], Loaded],
        device: str,
        weights_there: Callable[[], Requirement] | None = None,
        known: Callable[[], Sequence[str] | None] = lambda: None,
    ) -> None:
        self._weights_there = weights_there
        self._known = known
        self.name = name
        self._weights = weights
        self._word = word
        self._open = open_model
        self.device = device
        self._loaded: Loaded | None = None
        self._ahead: Ahead[tuple[torch.Tensor, Canvas]] | None = None
        self._device: torch.device | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": "mask2former",
            "version": VERSION,
            **self._weights(),
            "dtype": "float32",
            "floor": FLOOR,
        }

    def signature(self) -> str:
        """``mask2former-swin-s@743b7d9``, or the folder's or repository's name and revision."""
        return self._word()

    def download(self) -> None:
        """Get the weights where they are missing, and read them; see ``plugins.download``."""
        self._open()

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The weights and, where its classes can be told without a model, that it has the names."""
        found = [] if self._weights_there is None else [self._weights_there()]
        if names and (known := self._known()) is not None:
            check = required(
                "its classes", lambda: require_known([sorted(names)], known, self.name)
            )
            found += [check] if check.missing else []
        return found

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, keys that do not fit, or weights that are not
                finite.
        """
        if self._loaded is None:
            device = check_device(self.device)
            loaded = self._open()
            loaded.model.to(device)
            self._loaded, self._device = loaded, device
            self._ahead = Ahead(loaded.prepare)

    def unload(self) -> None:
        """Forget the model."""
        self._loaded = self._ahead = None

    def prepare(self, image: Image.Image) -> None:
        """Its pixels as the model reads them."""
        if self._ahead is not None:
            self._ahead.begin(image)

    def self_test(self) -> str:
        """Look at plain images: finite answers that depend on what is seen.

        Raises:
            UserError: the model is broken.
        """
        self.load()
        assert self._loaded is not None
        answers = [self._answer(image)[1].flatten() for image in plain_images()]
        if answers[0].shape == answers[1].shape:
            require_different(*answers)
        known = counted(len(self._loaded.names), "class", "classes")
        return f"{known}; answers soundly to two plain images"

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Every instance above the floor in each image, best score first.

        Boxes are tight around the masks, in pixels of the original image; nothing is suppressed.

        Raises:
            UserError: a name that is no class of the model, or output that is not finite.
        """
        return [found.detections for found in self.detect_masks(images, labels)]

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[MaskedDetections]:
        """As :meth:`detect`, with the masks: GenEval looks at an object's colour through them.

        Raises:
            UserError: as :meth:`detect`.
        """
        require_lists(images, labels)
        self.load()
        assert self._loaded is not None
        require_known(labels, self._loaded.names, self.name)
        return [self._look(image) for image in images]

    def _look(self, image: Image.Image) -> MaskedDetections:
        from .instances import instances

        assert self._loaded is not None
        class_logits, mask_logits, canvas = self._answer(image)
        found = instances(class_logits, mask_logits, canvas, FLOOR)
        names = [self._loaded.names[i] for i in found.classes.tolist()]
        detections = Detections.build(
            found.boxes.cpu().numpy(), found.scores.cpu().numpy(), names, image.width, image.height
        )
        return MaskedDetections(detections, found.masks.cpu().numpy())

    def _answer(self, image: Image.Image) -> tuple[torch.Tensor, torch.Tensor, Canvas]:
        """Class logits (queries, classes + 1), mask logits (queries, h, w), and the sizes."""
        import torch

        assert self._loaded is not None
        assert self._ahead is not None
        pixels, canvas = self._ahead.of(image)
        with torch.no_grad():
            output = self._loaded.model(pixel_values=pixels.to(self._device))
        classes, masks = output.class_queries_logits[0], output.masks_queries_logits[0]
        require_finite(self.name, classes, masks)
        return classes, masks, canvas
