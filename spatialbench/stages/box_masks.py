"""Masks of objects from their boxes: SAM through transformers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..weights.devices import check_device
from ..weights.model_folder import load_kind
from ..weights.origin import Weights, choose
from ..weights.parts_beside import load_beside

if TYPE_CHECKING:
    from PIL import Image

NAME = "sam"
MODEL_CLASS = "SamModel"


@dataclass(slots=True)
class BoxMasks:
    """SAM with its weights chosen; there is no default, for no checkpoint is known to be meant."""

    weights: Weights = field(default_factory=lambda: Weights(NAME))
    device: str = "cpu"
    offline: bool = False
    _model: Any = None
    _processor: Any = None

    def signature(self) -> str:
        """``sam-vit-base@70c1a07``."""
        return self.weights.signature()

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another kind of model, or weights that are
                missing, unexpected or not finite.
        """
        if self._model is not None:
            return
        device = check_device(self.device)
        folder = self.weights.locate(offline=self.offline)
        model = load_kind(folder, "sam", MODEL_CLASS, pickled=False)
        self._processor = load_beside("SamImageProcessorPil", folder)
        self._model = model.to(device)

    def masks(self, image: Image.Image, boxes: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """A mask for each of n boxes (corners in pixels, y down): bool of (n, height, width).

        Raises:
            UserError: output that is not finite.
        """
        import torch

        self.load()
        if not len(boxes):
            return np.zeros((0, image.height, image.width), dtype=bool)
        inputs = self._processor(images=image, return_tensors="pt")
        size = inputs["reshaped_input_sizes"][0].tolist()
        scale = np.array([size[1] / image.width, size[0] / image.height] * 2, dtype=np.float32)
        corners = torch.from_numpy(boxes.astype(np.float32) * scale)[None]
        with torch.inference_mode():
            outputs = self._model(
                pixel_values=inputs["pixel_values"].to(self._model.device),
                input_boxes=corners.to(self._model.device),
                multimask_output=False,
            )
        if not bool(outputs.pred_masks.isfinite().all()):
            raise UserError(
                f"{self.signature()} gives masks that are not finite on {self.device}: try "
                "--device cpu."
            )
        (found,) = self._processor.post_process_masks(
            outputs.pred_masks.cpu(), inputs["original_sizes"], inputs["reshaped_input_sizes"]
        )
        masks: npt.NDArray[np.bool_] = found[:, 0].numpy().astype(bool)
        return masks


def mask_model(weights: str, device: str, offline: bool) -> BoxMasks:
    """The model a user names: a folder, or ``org/name@commit``.

    Raises:
        UserError: neither a folder that exists nor a pinned repository.
    """
    return BoxMasks(choose(weights, NAME, MODEL_CLASS), device, offline)
