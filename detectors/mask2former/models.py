"""Two ways to a loaded Mask2Former: GenEval's mmdet checkpoint, and a folder of transformers'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spatialbench.prompts import COCO_NAMES
from spatialbench.weights.model_folder import load_kind
from spatialbench.weights.parts_beside import load_beside
from spatialbench.weights.state_dicts import read_checkpoint

from .conversion import load_mmdet, swin_small
from .detector import IMAGE_PROCESSOR, MODEL_CLASS
from .instances import Canvas
from .preparation import prepare

if TYPE_CHECKING:
    import torch
    from PIL import Image


class Loaded(Protocol):
    """A model with its own way of preparing an image."""

    model: Any
    names: tuple[str, ...]

    def prepare(self, image: Image.Image) -> tuple[torch.Tensor, Canvas]:
        """The pixels float32 (1, 3, h, w) and the image's sizes."""
        ...


class MmdetModel:
    """The checkpoint GenEval uses, with mmdet's preparation."""

    def __init__(self, path: Path) -> None:
        self.model = swin_small()
        self.names = COCO_NAMES
        load_mmdet(self.model, read_checkpoint(path, "state_dict"), f"Mask2Former in {path}")

    def prepare(self, image: Image.Image) -> tuple[torch.Tensor, Canvas]:
        """See :func:`.preparation.prepare`."""
        return prepare(image)


class FolderModel:
    """A folder written by ``save_pretrained``, with the preparation that lies in it."""

    def __init__(self, folder: Path) -> None:
        self.model = load_kind(folder, "mask2former", MODEL_CLASS)
        labels = self.model.config.id2label
        self.names = tuple(labels[i] for i in range(len(labels)))
        self._processor = load_beside(IMAGE_PROCESSOR, folder)

    def prepare(self, image: Image.Image) -> tuple[torch.Tensor, Canvas]:
        """The folder's own resizing and padding; padding lies at the right and bottom."""
        inputs = self._processor(images=image.convert("RGB"), return_tensors="pt")
        pixels: torch.Tensor = inputs.pixel_values
        mask = inputs.pixel_mask[0].bool()
        valid = (int(mask.any(1).sum()), int(mask.any(0).sum()))
        padded = (int(pixels.shape[-2]), int(pixels.shape[-1]))
        return pixels, Canvas(padded, valid, (image.height, image.width))
