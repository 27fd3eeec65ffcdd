"""What detectors and judges share whose model is loaded when it is first needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..plugins.requirements import Requirement
from .loading import load_model
from .origin import Weights, require_model_type

Model = TypeVar("Model")


def load_kind(folder: Path, model_type: str, class_name: str, *, pickled: bool = True) -> Any:
    """A model of transformers in float32 on the CPU, from a folder that says it holds such a one.

    Args:
        model_type: in ``config.json``.
        class_name: of the model, in transformers.
        pickled: as of ``load_model``.

    Raises:
        UserError: as ``require_model_type`` and ``load_model``.
    """
    import torch
    import transformers

    require_model_type(folder, model_type, class_name)
    return load_model(getattr(transformers, class_name), folder, torch.float32, pickled=pickled)


class Loaded(ABC, Generic[Model]):
    """A model on a device, loaded once. Stands before ``Detector`` or ``Judge`` among the bases."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._model: Model | None = None

    @abstractmethod
    def opened(self) -> Model:
        """Load the model onto the device. Raises UserError; see :meth:`load`."""

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another class of model, or weights that are
                missing, unexpected or not finite.
        """
        self.loaded()

    def unload(self) -> None:
        """Forget the model; its memory is free once nobody else holds it."""
        self._model = None

    def loaded(self) -> Model:
        """The model, loaded when first asked for."""
        if self._model is None:
            self._model = self.opened()
        return self._model


class ModelFolder(Loaded[Model]):
    """A model with its weights chosen, as a folder of ``save_pretrained`` holds them."""

    def __init__(self, name: str, weights: Weights, device: str, offline: bool) -> None:
        super().__init__(device)
        self.name = name
        self.weights = weights
        self.offline = offline

    @abstractmethod
    def open_model(self, folder: Path) -> Model:
        """Load the model from its folder onto the device. Raises UserError; see :meth:`load`."""

    def opened(self) -> Model:
        """From the folder, which is downloaded on first use unless ``offline``."""
        return self.open_model(self.weights.locate(offline=self.offline))

    def signature(self) -> str:
        """See :meth:`Weights.signature`."""
        return self.weights.signature()

    def download(self) -> None:
        """Get the weights where they are missing; see ``Method.download``."""
        self.weights.locate(offline=self.offline)

    def weights_requirement(self) -> Requirement:
        """The weights; see ``spatialbench.plugins.requirements``."""
        what = f"the weights of {self.name}"
        return self.weights.whole_requirement(what, offline=self.offline)
