"""Depth Anything V2 through transformers: relative depth of an image, larger is nearer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..plugins.requirements import Requirement
from ..weights.devices import check_device
from ..weights.hub import HubSource
from ..weights.model_folder import load_kind
from ..weights.origin import Weights, choose
from ..weights.parts_beside import load_beside
from .depth_model import DepthModel

if TYPE_CHECKING:
    from PIL import Image

NAME = "depth-anything"
MODEL_CLASS = "DepthAnythingForDepthEstimation"
IMAGE_PROCESSOR = "DPTImageProcessorPil"
SMALL = HubSource(
    "depth-anything/Depth-Anything-V2-Small-hf", "5426e4f0f36572d16453bbda7a8389317b1bef99"
)
"""The size with the permissive licence. ESPLoRA names neither version nor size."""
OWN = Weights(NAME, (SMALL,), fetched_as=NAME)


@dataclass(slots=True)
class DepthAnything(DepthModel):
    """The model with its weights chosen.

    Attributes:
        weights: where they come from.
        device: a torch device.
        offline: take nothing from the network.
    """

    weights: Weights = field(default_factory=lambda: OWN)
    device: str = "cpu"
    offline: bool = False
    _model: Any = None
    _processor: Any = None

    def identity(self) -> dict[str, Any]:
        """Model class, image processor and weights."""
        return {
            "class": MODEL_CLASS,
            "processor": IMAGE_PROCESSOR,
            "weights": self.weights.identity(),
        }

    def signature(self) -> str:
        """``Depth-Anything-V2-Small-hf@5426e4f``."""
        return self.weights.signature()

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights.whole_requirement(f"the weights of {NAME}", offline=self.offline)]

    def download(self) -> None:
        """Get the weights where they are missing."""
        self.weights.locate(offline=self.offline)

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another kind of model, weights that are missing,
                unexpected or not finite, or a model of metric depth, whose values grow with the
                distance.
        """
        if self._model is not None:
            return
        device = check_device(self.device)
        folder = self.weights.locate(offline=self.offline)
        model = load_kind(folder, "depth_anything", MODEL_CLASS, pickled=False)
        if getattr(model.config, "depth_estimation_type", "relative") != "relative":
            raise UserError(
                f"{folder} estimates metric depth, where larger is farther: give a relative model, "
                f"such as {SMALL}."
            )
        self._processor = load_beside(IMAGE_PROCESSOR, folder)
        self._model = model.to(device)

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        """Relative depth of RGB images, one by one: float32 of shape (height, width) each.

        Larger is nearer; the scale is the model's own and differs from image to image.

        Raises:
            UserError: output that is not finite.
        """
        import torch

        self.load()
        found = []
        # Images of one size could share a batch, but then a map would depend on its company.
        for image in images:
            inputs = self._processor(images=image, return_tensors="pt").to(self._model.device)
            with torch.inference_mode():
                outputs = self._model(**inputs)
            (result,) = self._processor.post_process_depth_estimation(
                outputs, target_sizes=[(image.height, image.width)]
            )
            depth = result["predicted_depth"].float().cpu().numpy()
            if not np.isfinite(depth).all():
                raise UserError(
                    f"{self.signature()} gives depth that is not finite on {self.device}: try "
                    "--device cpu."
                )
            found.append(depth.astype(np.float32))
        return found


def depth_model(weights: str | None, device: str, offline: bool) -> DepthAnything:
    """The model a user names: None for Depth Anything V2 Small, a folder, ``org/name@commit``.

    Raises:
        UserError: neither a folder that exists nor a pinned repository.
    """
    chosen = OWN if weights is None else choose(weights, NAME, MODEL_CLASS)
    return DepthAnything(chosen, device, offline)


def fetch() -> list[Path]:
    """Download the pinned weights; see ``spatialbench fetch``."""
    return [OWN.fetch()]
