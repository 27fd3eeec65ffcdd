"""What the detectors of one library's model folders share: weights from a folder or the Hub."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from spatialbench.plugins import Detector, DetectorPlugin
from spatialbench.plugins.requirements import Requirement
from spatialbench.weights.origin import Weights

Model = TypeVar("Model")


class ModelFolderDetector(Detector, Generic[Model]):
    """A detector with its weights chosen, as a folder of ``save_pretrained`` holds them."""

    def __init__(self, name: str, weights: Weights, device: str, offline: bool) -> None:
        self.name = name
        self.weights = weights
        self.device = device
        self.offline = offline
        self._model: Model | None = None

    @abstractmethod
    def open_model(self, folder: Path) -> Model:
        """Load the model from its folder. Raises UserError; see :meth:`load`."""

    def signature(self) -> str:
        """See :meth:`Weights.signature`."""
        return self.weights.signature()

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        self.weights.locate(offline=self.offline)

    def requirements(self, names: Collection[str]) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        what = f"the weights of {self.name}"
        return [self.weights.whole_requirement(what, offline=self.offline)]

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another class of model, or weights that are
                missing, unexpected or not finite.
        """
        self.loaded()

    def loaded(self) -> Model:
        """The model, loaded when first asked for."""
        if self._model is None:
            self._model = self.open_model(self.weights.locate(offline=self.offline))
        return self._model


@dataclass(slots=True)
class ModelFolderPlugin(DetectorPlugin):
    """An entry point of ``spatialbench.detectors``: a name and the weights it stands for."""

    name: str
    summary: str
    weights: Weights

    def fetch(self) -> Sequence[Path]:
        """Download what is missing of the plug-in's own weights, and return their folder."""
        return [self.weights.fetch()]
