"""What the detectors of one library's model folders share: weights from a folder or the Hub."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.requirements import Requirement
from spatialbench.weights.model_folder import Model, ModelFolder
from spatialbench.weights.origin import Weights


class ModelFolderDetector(ModelFolder[Model], Detector):
    """A detector with its weights chosen, as a folder of ``save_pretrained`` holds them."""

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights_requirement()]


@dataclass(slots=True)
class ModelFolderPlugin(DetectorPlugin):
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    name: str
    summary: str
    weights: Weights

    def fetch(self) -> Sequence[Path]:
        """Download what is missing of the plug-in's own weights, and return their folder."""
        return [self.weights.fetch()]
