"""OWL-ViT, the detector of VISOR, and the lab's small model of the same class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.checkpoints.hashing import folder_hash
from spatialbench.checkpoints.hub import HubSource, fetch, locate, parse_source
from spatialbench.checkpoints.patterns import FilePatterns
from spatialbench.detections import Detections
from spatialbench.errors import UserError

from .owlvit_model import IMAGE_PROCESSOR, QUERY, OwlVitModel

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other boxes."""

FLOOR = 0.01
"""Boxes with a score above it are kept: low enough for any threshold a rule may use."""

OFFICIAL = HubSource("google/owlvit-base-patch32", "cbc355fb364588351c5d51c7f74465e8e7ec6f72")
"""The checkpoint named in VISOR's notebook; the revision is ours, theirs is not recorded."""

MODEL_FILES = FilePatterns(allow=("*.json", "*.txt", "*.safetensors", "pytorch_model.bin"))


@dataclass(frozen=True, slots=True)
class Weights:
    """A checkpoint on the Hub, or a folder under the name a signature gives it."""

    source: HubSource | None = None
    folder: Path | None = None
    name: str = "owlvit"

    def identity(self) -> dict[str, str]:
        """Repository and commit, or the hash of the folder's files; never a path."""
        if self.source is not None:
            return {"source": self.source.repo, "revision": self.source.revision}
        return {"name": self.name, "weights": folder_hash(self._present(), MODEL_FILES)}

    def signature(self) -> str:
        """``owlvit-base-patch32@cbc355f``, ``owlvit@`` or ``lab-owlvit@`` and a weight hash."""
        if self.source is not None:
            return f"{self.source.repo.split('/')[-1]}@{self.source.revision[:7]}"
        return f"{self.name}@{folder_hash(self._present(), MODEL_FILES)[:7]}"

    def locate(self, *, offline: bool) -> Path:
        """The folder to load from, downloaded on first use unless ``offline``.

        Raises:
            UserError: the files are not there and cannot be had.
        """
        if self.source is None:
            return self._present()
        name = "owlvit" if self.source == OFFICIAL else None
        return locate(self.source, MODEL_FILES, offline=offline, fetch_name=name)

    def fetch(self) -> Path:
        """Download what is missing of the weights, and return their folder.

        Raises:
            UserError: they cannot be had.
        """
        if self.source is None:
            return self._present()
        return fetch(self.source, MODEL_FILES)

    def _present(self) -> Path:
        assert self.folder is not None
        if (self.folder / "config.json").is_file():
            return self.folder
        if self.folder == LAB_FOLDER:
            raise UserError(
                "the lab detector's weights are not in this installation (expected config.json in "
                f"{self.folder}); install spatialbench again, or make them with "
                "'spatialbench lab train'."
            )
        raise UserError(
            f"{self.folder} is no OWL-ViT folder (it has no config.json); give a folder written by "
            "save_pretrained of an OwlViTForObjectDetection, its tokenizer and image processor."
        )


class OwlVitDetector:
    """OWL-ViT with its weights chosen; follows VISOR's protocol of query, score and box."""

    def __init__(self, name: str, weights: Weights, device: str, offline: bool) -> None:
        self.name = name
        self.weights = weights
        self.device = device
        self.offline = offline
        self._model: OwlVitModel | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the boxes; plain JSON, nothing is loaded."""
        return {
            "detector": "owlvit",
            "version": VERSION,
            "weights": self.weights.identity(),
            "image_processor": IMAGE_PROCESSOR,
            "query": QUERY,
            "floor": FLOOR,
        }

    def signature(self) -> str:
        """See :meth:`Weights.signature`."""
        return self.weights.signature()

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another class of model, or weights that are
                missing, unexpected or not finite.
        """
        if self._model is None:
            folder = self.weights.locate(offline=self.offline)
            self._model = OwlVitModel(folder, self.device, self.name)

    def detect(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]]
    ) -> list[Detections]:
        """Look for ``labels[i]`` in ``images[i]``: one candidate a patch, best label each.

        Boxes are corners in pixels of the original image and may reach outside it; nothing is
        suppressed. They keep the order of the patches, row by row.

        Raises:
            UserError: a name outside the vocabulary, or output that is not finite.
        """
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images but {len(labels)} lists of labels")
        # Nothing is looked for where a prompt names no object, and the model needs a query.
        asked = [i for i, names in enumerate(labels) if names]
        found = [Detections.build([], [], (), image.width, image.height) for image in images]
        if not asked:
            return found
        self.load()
        assert self._model is not None
        results = self._model.candidates(
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
        """What canary pictures show, in a few words, for ``spatialbench doctor``.

        Raises:
            UserError: the detector fails them.
        """
        from .owlvit_canary import lab_canary, plain_canary

        return lab_canary(self) if self.name == "lab-owlvit" else plain_canary(self)


@dataclass(slots=True)
class OwlVitPlugin:
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    name: str
    summary: str
    weights: Weights

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> OwlVitDetector:
        """Choose the weights: None for the plug-in's own, a folder, or ``org/name@commit``.

        Raises:
            UserError: neither a folder that exists nor a pinned repository.
        """
        return OwlVitDetector(self.name, self._choose(weights), device, offline)

    def fetch(self) -> Path:
        """Download what is missing of the plug-in's own weights, and return their folder."""
        return self.weights.fetch()

    def _choose(self, weights: str | None) -> Weights:
        if weights is None:
            return self.weights
        folder = Path(weights).expanduser()
        if folder.is_dir():
            return Weights(folder=folder)
        source = parse_source(weights)
        if source is None:
            raise UserError(
                f"{weights!r} is neither a folder nor a repository; give a folder of an "
                "OwlViTForObjectDetection, or org/name@<40 hex digits>."
            )
        return Weights(source=source)


def _lab_folder() -> Path:
    import spatialbench

    return Path(spatialbench.__file__).parent / "lab" / "weights" / "owlvit"


LAB_FOLDER = _lab_folder()
"""The lab detector's folder inside the package."""

OWLVIT = OwlVitPlugin(
    "owlvit", "OWL-ViT B/32, open vocabulary: the detector VISOR prescribes", Weights(OFFICIAL)
)
LAB_OWLVIT = OwlVitPlugin(
    "lab-owlvit",
    "the lab's own small OWL-ViT, in the package: for pictures the lab draws",
    Weights(folder=LAB_FOLDER, name="lab-owlvit"),
)
