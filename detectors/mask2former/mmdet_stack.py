"""GenEval's detector in the software it was published with: mmdet 2.x, or 3.x, where installed.

The weights are put in by our own check, key by key: mmdet loads a checkpoint that does not fit with
no more than a warning, and then finds nothing (issues 6 and 21 of djghosh13/geneval).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialbench.detections import Detections
from spatialbench.errors import UserError
from spatialbench.plugins import Detector, MaskedDetections
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.prompts import COCO_NAMES
from spatialbench.weights.devices import check_device
from spatialbench.weights.official_file import OfficialFile
from spatialbench.weights.state_dicts import fit, read_checkpoint

from ..asked_names import require_known, require_lists
from ..canary import plain_images, require_finite
from .detector import FLOOR
from .mmdet_layouts import in_naming_of, instances
from .plugin import WORD, GenEvalFilePlugin

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

CONFIGS = (
    "mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco.py",
    "mask2former_swin-s-p4-w7-224_8xb2-lsj-50e_coco.py",
)
"""What mmdet 2.x and 3.x call GenEval's configuration, which their packages hold."""


class MmdetDetector(Detector):
    """Mask2Former Swin-S computed by mmdet."""

    has_masks = True

    def __init__(self, name: str, weights: OfficialFile, device: str, offline: bool) -> None:
        self.name = name
        self.weights = weights
        self.device = device
        self.offline = offline
        self._model: Any = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": "mask2former-mmdet",
            "version": VERSION,
            "weights": self.weights.digest(),
            "mmdet": version("mmdet"),
            "floor": FLOOR,
        }

    def signature(self) -> str:
        """``mask2former-swin-s@743b7d9-by-mmdet-3.3.0``."""
        return f"{WORD}@{self.weights.digest()[:7]}-by-mmdet-{version('mmdet')}"

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        self.weights.locate(offline=self.offline)

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The legacy stack and the weights; see ``spatialbench.plugins.requirements``."""
        stack = required("the package mmdet", lambda: _mmdet("mmdet.apis"))
        known = required(
            "its classes", lambda: require_known([sorted(names)], COCO_NAMES, self.name)
        )
        weights = self.weights.requirement(offline=self.offline)
        return [stack, weights, *([known] if known.missing else [])]

    def load(self) -> None:
        """Build the model from mmdet's own configuration and fit the weights into it.

        Raises:
            UserError: no mmdet, no such configuration in it, files that cannot be had, keys that
                do not fit, or weights that are not finite.
        """
        if self._model is not None:
            return
        apis = _mmdet("mmdet.apis")
        config = find_config(Path(_mmdet("mmdet").__file__).parent)
        device = str(check_device(self.device))
        path = self.weights.locate(offline=self.offline)
        model = apis.init_detector(str(config), None, device=device)
        state = read_checkpoint(path, "state_dict")
        fit(model, in_naming_of(state, list(model.state_dict())), f"mmdet's Mask2Former in {path}")
        self._model = model.to(device)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Every instance above the floor in each image, best score first.

        Raises:
            UserError: a name that is no COCO class, or output that is not finite.
        """
        return [found.detections for found in self.detect_masks(images, labels)]

    def detect_masks(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[MaskedDetections]:
        """As :meth:`detect`, with the masks, bool (n, height, width)."""
        require_lists(images, labels)
        self.load()
        require_known(labels, COCO_NAMES, self.name)
        return [self._look(image) for image in images]

    def self_test(self) -> str:
        """Look at plain images.

        Raises:
            UserError: the same instances and scores in both.
        """
        self.load()
        grey, noisy = (self._look(image).detections for image in plain_images())
        if len(grey) == len(noisy) > 0 and np.array_equal(grey.scores, noisy.scores):
            raise UserError(
                "gives the same answer to a grey and to a noisy image: its weights are damaged; "
                "get them again."
            )
        return f"{len(grey)} and {len(noisy)} instances in two plain images"

    def _look(self, image: Image.Image) -> MaskedDetections:
        # mmdet reads images as OpenCV does: blue first.
        pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
        found = instances(_mmdet("mmdet.apis").inference_detector(self._model, pixels))
        require_finite(self.name, found.boxes, found.scores)
        order = np.argsort(-found.scores, kind="stable")
        order = order[found.scores[order] > FLOOR]
        names = [COCO_NAMES[i] for i in found.classes[order].tolist()]
        masks = found.masks[order].reshape(len(order), image.height, image.width)
        boxes, scores = found.boxes[order], found.scores[order]
        return MaskedDetections(
            Detections.build(boxes, scores, names, image.width, image.height), masks
        )


def find_config(package: Path) -> Path:
    """GenEval's configuration inside the installed mmdet.

    Raises:
        UserError: it is not there.
    """
    for name in CONFIGS:
        for folder in (package / ".mim" / "configs", package.parent / "configs"):
            path = folder / "mask2former" / name
            if path.is_file():
                return path
    raise UserError(
        f"the mmdet in {package} has no configuration {' or '.join(CONFIGS)}; install a release "
        'that brings its configurations: pip install "spatialbench[mmdet]".'
    )


def _mmdet(module: str) -> Any:
    try:
        return import_module(module)
    except Exception as error:  # its version checks raise AssertionError, its extension OSError
        raise _absent(error) from error


def _absent(error: Exception) -> UserError:
    return UserError(
        f"mmdet cannot be imported here ({type(error).__name__}: {error}): it is the optional "
        'legacy stack, pip install "spatialbench[mmdet]" (mmcv must have its compiled operations); '
        "--detector mask2former needs none of it and reads the same weights."
    )


class MmdetPlugin(GenEvalFilePlugin):
    """GenEval's checkpoint in mmdet itself."""

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> MmdetDetector:
        """Choose the weights; see :meth:`chosen`.

        Raises:
            UserError: mmdet is not installed.
        """
        try:
            version("mmdet")
        except PackageNotFoundError as error:
            raise _absent(error) from error
        return MmdetDetector(self.name, self.chosen(weights), device, offline)


PLUGIN = MmdetPlugin(
    "mask2former-mmdet",
    "the same Mask2Former Swin-S computed by mmdet itself (extra mmdet): a yardstick",
)
