"""UniDet behind the Detector protocol: RS200, which scores 2D relations, and R50 for the rest."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.files.downloads import forbidden, retrieve
from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.ahead import Ahead
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.devices import check_device
from spatialbench.weights.official_file import OfficialFile

from ..asked_names import require_lists
from ..canary import plain_images, require_different, require_finite
from .labels import LABEL_SPACE, read_labels
from .preparation import LONG, SHORT, frame_size, prepare
from .protocol import CLASSES, MOST, OVERLAP, SCORE_FLOOR

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .network import UniDet

log = logging.getLogger(__name__)

VERSION = 1
"""Raised whenever the same weights would give other boxes."""


class UniDetDetector(Detector):
    """UniDet with its weights chosen; follows T2I-CompBench's protocol, in float32.

    It reports every box it finds, whatever names it is asked for, under the official label
    strings; and in the frame in which the benchmark measures, so that a detection's ``width`` and
    ``height`` are those of the resized image (479 x 479 for a square one).
    """

    own_labels = True

    def __init__(
        self, name: str, architecture: str, weights: OfficialFile, device: str, offline: bool
    ) -> None:
        self.name = name
        self.architecture = architecture
        self.weights = weights
        self.device = device
        self.offline = offline
        self._model: UniDet | None = None
        self._ahead = Ahead(prepare)
        self._device: torch.device | None = None
        self._labels: tuple[str, ...] = ()
        self._mentioned: set[str] = set()

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": "unidet",
            "version": VERSION,
            "architecture": self.architecture,
            "weights": self.weights.digest(),
            "frame": [SHORT, LONG],
            "channels": "BGR",
            "dtype": "float32",
            "floor": SCORE_FLOOR,
            "nms": OVERLAP,
            "most": MOST,
        }

    def frame(self, width: int, height: int) -> tuple[int, int]:
        """That of the benchmark: 479 x 479 for a square image."""
        return frame_size(width, height)

    def signature(self) -> str:
        """``unidet-rs200@ or ``unidet-r50@`` and the start of the weights' hash."""
        return f"unidet-{self.architecture.lower()}@{self.weights.digest()[:7]}"

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        path = self.weights.locate(offline=self.offline)
        read_labels(path.parent, offline=self.offline)

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The weights and the class names; see ``spatialbench.plugins.requirements``."""
        weights = self.weights.requirement(offline=self.offline)
        beside = self.weights.path.parent
        classes = required(
            "the class names of UniDet",
            lambda: read_labels(beside, offline=True),
            fetchable=not (self.offline or forbidden()),
        )
        return [weights, classes]

    def load(self) -> None:
        """Load the weights and the class names.

        Raises:
            UserError: files that cannot be had, keys that do not fit, or weights that are not
                finite.
        """
        if self._model is not None:
            return
        from spatialbench.weights.state_dicts import read_checkpoint

        from .checkpoint import build

        path = self.weights.locate(offline=self.offline)
        self._labels = read_labels(path.parent, offline=self.offline)
        self._device = check_device(self.device)
        what = f"UniDet {self.architecture} in {path}"
        self._model = build(self.architecture, read_checkpoint(path, "model"), what).to(
            self._device
        )

    def unload(self) -> None:
        """Forget the model."""
        self._model = None

    def prepare(self, image: Image.Image) -> None:
        """Its pixels as the model reads them."""
        self._ahead.begin(image)

    def self_test(self) -> str:
        """Look at plain images: finite features that depend on what is seen.

        Raises:
            UserError: the model is broken.
        """
        self.load()
        assert self._model is not None
        import torch

        with torch.no_grad():
            levels = [self._features(prepare(image)) for image in plain_images()]
        require_different(*(torch.cat([f.flatten() for f in level[2:]]) for level in levels))
        return f"{CLASSES} classes; answers soundly to two plain images"

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Every box above 0.1 in each image, best score first, in the frame's pixels.

        A name in ``labels`` that UniDet does not have is logged once: by the official rule such an
        object is never found.

        Raises:
            UserError: features or scores that are not finite.
        """
        require_lists(images, labels)
        self.load()
        self._mention_unknown(labels)
        return [self._look(image) for image in images]

    def _look(self, image: Image.Image) -> Detections:
        import torch

        assert self._model is not None
        width, height = frame_size(image.width, image.height)
        with torch.no_grad():
            features = self._features(self._ahead.of(image))
            boxes, _ = self._model.propose(features, (height, width))
            found = self._model.roi_heads(features, boxes, (height, width))
        names = [self._labels[i] for i in found.classes.tolist()]
        return Detections.build(
            found.boxes.cpu().numpy(), found.scores.cpu().numpy(), names, width, height
        )

    def _features(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Detectron2 drops what is not finite without a word, and then finds nothing."""
        assert self._model is not None
        features = self._model.features(pixels.to(self._device))
        require_finite(self.name, *features)
        return features

    def _mention_unknown(self, labels: Sequence[Sequence[str]]) -> None:
        asked = {name for names in labels for name in names}
        unknown = sorted(asked - set(self._labels) - self._mentioned)
        if unknown:
            self._mentioned |= set(unknown)
            log.warning(
                "%s has no label that is exactly %s: by the official rule such an object is never "
                "found",
                self.name,
                " or ".join(repr(name) for name in unknown),
            )


@dataclass(slots=True)
class UniDetPlugin(DetectorPlugin):
    """An entry point of ``spatialbench.detectors``: a name and the official file it stands for."""

    name: str
    summary: str
    architecture: str
    file: OfficialFile

    @property
    def signature_start(self) -> str | None:
        """``unidet-rs200@``: the official file's hash is not published."""
        return f"unidet-{self.architecture.lower()}@"

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> UniDetDetector:
        """Choose the weights: None for the official file in the cache, else a path."""
        chosen = self.file.at(weights)
        return UniDetDetector(self.name, self.architecture, chosen, device, offline)

    def fetch(self) -> list[Path]:
        """Download the class names; the weights must be there, for their hash is not known.

        Raises:
            UserError: says where the weights come from and where they belong.
        """
        labels = retrieve(LABEL_SPACE, "unidet")
        return [labels, self.file.locate(offline=False)]


RS200 = UniDetPlugin(
    "unidet",
    "UniDet RS200, 722 classes: the detector T2I-CompBench prescribes for 2D relations",
    "RS200",
    OfficialFile(
        "unidet",
        "Unified_learned_OCIM_RS200_6x+2x.pth",
        "https://huggingface.co/shikunl/prismer (expert_weights)",
    ),
)
R50 = UniDetPlugin(
    "unidet-r50",
    "UniDet R50, 722 classes: the detector T2I-CompBench prescribes for 3D and numeracy",
    "R50",
    OfficialFile(
        "unidet-r50",
        "Unified_learned_OCIM_R50_6x+2x.pth",
        "https://drive.google.com/file/d/1C4sgkirmgMumKXXiLOPmCKNTZAc3oVbq",
    ),
)
