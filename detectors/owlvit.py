"""OWL-ViT, the detector of VISOR, its successor OWLv2, and the lab's small OWL-ViT."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.detections import Detections
from spatialbench.lab import DETECTOR
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.hub import HubSource
from spatialbench.weights.origin import Weights, choose

from . import owlvit_model
from .asked_names import require_lists
from .model_folder_detector import ModelFolderDetector, ModelFolderPlugin
from .owlvit_model import QUERY, Family, OwlVitModel

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.01
"""Boxes with a score above it are kept: low enough for any threshold a rule may use."""

OFFICIAL = HubSource("google/owlvit-base-patch32", "cbc355fb364588351c5d51c7f74465e8e7ec6f72")
"""The checkpoint named in VISOR's notebook; the revision is ours, theirs is not recorded."""

OWLV2_BASE = HubSource(
    "google/owlv2-base-patch16-ensemble", "cfd3195ba4ea9592eec887ded089f4c08eff231d"
)
"""The checkpoint of transformers' own examples, at the revision others pin."""


class OwlVitDetector(ModelFolderDetector[OwlVitModel]):
    """OWL-ViT or OWLv2 with its weights chosen; VISOR's protocol of query, score and box."""

    def __init__(
        self, name: str, family: Family, weights: Weights, device: str, offline: bool
    ) -> None:
        super().__init__(name, weights, device, offline)
        self.family = family

    def open_model(self, folder: Path) -> OwlVitModel:
        """See ``ModelFolderDetector``."""
        return OwlVitModel(self.family, folder, self.device, self.name)

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The weights and, where they are here, that their vocabulary has these names."""
        found = super().requirements(names)
        if any(one.missing for one in found):
            return found
        folder = self.weights.locate(offline=True)
        check = required(
            "its vocabulary", lambda: owlvit_model.require_vocabulary(folder, names, self.name)
        )
        return [*found, check] if check.missing else found

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": self.family.model_type,
            "version": VERSION,
            "weights": self.weights.identity(),
            "image_processor": self.family.image_processor,
            "query": QUERY,
            "floor": FLOOR,
        }

    def prepare(self, image: Image.Image) -> None:
        """Its pixels as the model reads them."""
        self.loaded().ahead.begin(image)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Look for ``labels[i]`` in ``images[i]``: one candidate a patch, best label each.

        Boxes are corners in pixels of the original image and may reach outside it; nothing is
        suppressed. They keep the order of the patches, row by row.

        Raises:
            UserError: a name outside the vocabulary, or output that is not finite.
        """
        require_lists(images, labels)
        # Nothing is looked for where a prompt names no object, and the model needs a query.
        asked = [i for i, names in enumerate(labels) if names]
        found = [Detections.build([], [], (), image.width, image.height) for image in images]
        if not asked:
            return found
        results = self.loaded().candidates(
            [images[i] for i in asked], [labels[i] for i in asked], FLOOR
        )
        for i, result in zip(asked, results, strict=True):
            names = [labels[i][k] for k in result["labels"].tolist()]
            found[i] = Detections.build(
                result["boxes"].cpu().numpy(),
                result["scores"].cpu().numpy(),
                names,
                images[i].width,
                images[i].height,
            )
        return found

    def self_test(self) -> str:
        """What canary images show, in a few words, for ``spatialbench doctor``.

        Raises:
            UserError: the detector fails them.
        """
        from .owlvit_canary import lab_canary, plain_canary

        return lab_canary(self) if self.name == "lab-owlvit" else plain_canary(self)


@dataclass(slots=True)
class OwlVitPlugin(ModelFolderPlugin):
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    family: Family = owlvit_model.OWLVIT

    @property
    def signature_start(self) -> str | None:
        """``owlvit-base-patch32@``: the repository of the plug-in's own weights."""
        return self.weights.repository

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> OwlVitDetector:
        """Choose the weights: None for the plug-in's own, a folder, or ``org/name@commit``.

        Raises:
            UserError: neither a folder that exists nor a pinned repository.
        """
        chosen = self.weights
        if weights is not None:
            chosen = choose(weights, self.name, self.family.model_class)
        return OwlVitDetector(self.name, self.family, chosen, device, offline)


LAB_MISSING = (
    f"the lab detector's weights are not in this installation (expected config.json in {DETECTOR}"
    "); install spatialbench again, or make them with 'spatialbench lab train'."
)

OWLVIT = OwlVitPlugin(
    "owlvit",
    "OWL-ViT B/32, open vocabulary: the detector VISOR prescribes",
    Weights("owlvit", (OFFICIAL,), fetched_as="owlvit"),
)
OWLV2 = OwlVitPlugin(
    "owlv2",
    "OWLv2 B/16 ensemble, open vocabulary: OWL-ViT's stronger successor",
    Weights("owlv2", (OWLV2_BASE,), fetched_as="owlv2"),
    owlvit_model.OWLV2,
)
LAB_OWLVIT = OwlVitPlugin(
    "lab-owlvit",
    "the lab's own small OWL-ViT, in the package: for images the lab draws",
    Weights("lab-owlvit", folder=DETECTOR, missing=LAB_MISSING),
)
