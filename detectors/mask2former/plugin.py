"""The two Mask2Formers by name: the one GenEval prescribes, and Facebook's own on the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from spatialbench.errors import UserError
from spatialbench.plugins import DetectorPlugin
from spatialbench.prompts import COCO_NAMES
from spatialbench.weights.official_file import OfficialFile
from spatialbench.weights.origin import Weights, choose
from spatialbench.weights.weight_files import configuration

from .detector import IMAGE_PROCESSOR, MODEL_CLASS, Mask2FormerDetector

if TYPE_CHECKING:
    from .models import Loaded

REPOSITORY = "facebook/mask2former-swin-small-coco-instance"

WORD = "mask2former-swin-s"
SIGNATURE = f"{WORD}@743b7d9"
"""Of GenEval's own checkpoint, whatever computes its boxes."""

_ZOO = "https://download.openmmlab.com/mmdetection/v2.0/mask2former"
_NAME = "mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco"

GENEVAL_FILE = OfficialFile(
    owner="mask2former",
    name=f"{_NAME}_20220504_001756-743b7d99.pth",
    source=f"{_ZOO}/{_NAME}/",
    url=f"{_ZOO}/{_NAME}/{_NAME}_20220504_001756-743b7d99.pth",
    sha256_start="743b7d99",
)


@dataclass(slots=True)
class GenEvalFilePlugin(DetectorPlugin):
    """What computes GenEval's checkpoint, from the OpenMMLab zoo or from a path."""

    name: str
    summary: str
    signature_start: str | None = SIGNATURE

    def chosen(self, weights: str | None) -> OfficialFile:
        """None for the official file, else a ``.pth`` of mmdet 2.x or 3.x."""
        return GENEVAL_FILE.at(weights)

    def fetch(self) -> Sequence[Path]:
        """Download the checkpoint if it is not in the cache, and check it."""
        return [GENEVAL_FILE.locate(offline=False)]


class GenEvalPlugin(GenEvalFilePlugin):
    """The checkpoint GenEval uses, computed by transformers."""

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> Mask2FormerDetector:
        """Choose the weights; see :meth:`chosen`."""
        chosen = self.chosen(weights)

        def open_model() -> Loaded:
            from .models import MmdetModel

            return MmdetModel(chosen.locate(offline=offline))

        return Mask2FormerDetector(
            self.name,
            lambda: {"weights": chosen.digest(), "image_processor": "mmdet-2.27.0/1333x800"},
            lambda: f"{WORD}@{chosen.digest()[:7]}",
            open_model,
            device,
            lambda: chosen.requirement(offline=offline),
            lambda: COCO_NAMES,
        )


def _classes(weights: Weights) -> Sequence[str] | None:
    """The classes of a model folder; None where it is not here, or does not tell them."""
    try:
        labels = configuration(weights.locate(offline=True) / "config.json").get("id2label")
    except UserError:
        return None
    return [*labels.values()] if isinstance(labels, dict) and labels else None


@dataclass(slots=True)
class FolderPlugin(DetectorPlugin):
    """A Mask2Former of transformers': Facebook's, or any other in a folder."""

    name: str
    summary: str

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> Mask2FormerDetector:
        """Choose the weights: a folder of ``save_pretrained``, or ``org/name@commit``.

        Raises:
            UserError: neither; without weights, the revision to give is explained.
        """
        if weights is None:
            raise self._unpinned()
        chosen = choose(weights, self.name, MODEL_CLASS)

        def open_model() -> Loaded:
            from .models import FolderModel

            return FolderModel(chosen.locate(offline=offline))

        return Mask2FormerDetector(
            self.name,
            lambda: {"weights": chosen.identity(), "image_processor": IMAGE_PROCESSOR},
            chosen.signature,
            open_model,
            device,
            lambda: chosen.requirement(f"the weights of {self.name}", offline=offline),
            lambda: _classes(chosen),
        )

    def fetch(self) -> Sequence[Path]:
        """Nothing is pinned, so nothing can be fetched by this name alone.

        Raises:
            UserError: always; says what to give instead.
        """
        raise self._unpinned()

    def _unpinned(self) -> UserError:
        return UserError(
            f"{self.name} has no pinned revision that could be in the cache: give --detector "
            f"{self.name}:{REPOSITORY}@<40 hex digits>, found under "
            f"https://huggingface.co/{REPOSITORY}/commits, or a local folder."
        )


GENEVAL = GenEvalPlugin(
    "mask2former",
    "Mask2Former Swin-S of mmdet's zoo, COCO instances: the detector GenEval prescribes",
)
FACEBOOK = FolderPlugin(
    "mask2former-facebook",
    "Mask2Former from a folder or the Hub, such as Facebook's Swin-S for COCO instances",
)
