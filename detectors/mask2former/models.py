"""Two ways to a loaded Mask2Former: GenEval's mmdet checkpoint, and a folder of transformers'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spatialbench.checkpoints.loading import load_model, quiet
from spatialbench.errors import UserError

from ..coco_names import COCO_NAMES
from ..state_dicts import read_checkpoint
from .conversion import load_mmdet, swin_small
from .instances import Canvas
from .preparation import prepare

if TYPE_CHECKING:
    import torch
    from PIL import Image

IMAGE_PROCESSOR = "Mask2FormerImageProcessorPil"
"""Named outright: the plain class changes its pixels when torchvision is installed."""


class Loaded(Protocol):
    """A model with its own way of preparing a picture."""

    model: Any
    names: tuple[str, ...]

    def prepare(self, image: Image.Image) -> tuple[torch.Tensor, Canvas]:
        """The pixels float32 (1, 3, h, w) and the picture's sizes."""
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
        import torch
        import transformers

        _require_mask2former(folder)
        self.model = load_model(
            transformers.Mask2FormerForUniversalSegmentation, folder, torch.float32, pickled=True
        )
        labels = self.model.config.id2label
        self.names = tuple(labels[i] for i in range(len(labels)))
        try:
            with quiet():
                self._processor = getattr(transformers, IMAGE_PROCESSOR).from_pretrained(
                    folder, local_files_only=True
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"cannot load the image processor of {folder} ({' '.join(str(error).split())}); "
                "get an intact copy of the folder."
            ) from error

    def prepare(self, image: Image.Image) -> tuple[torch.Tensor, Canvas]:
        """The folder's own resizing and padding; padding lies at the right and bottom."""
        inputs = self._processor(images=image.convert("RGB"), return_tensors="pt")
        pixels: torch.Tensor = inputs.pixel_values
        mask = inputs.pixel_mask[0].bool()
        valid = (int(mask.any(1).sum()), int(mask.any(0).sum()))
        padded = (int(pixels.shape[-2]), int(pixels.shape[-1]))
        return pixels, Canvas(padded, valid, (image.height, image.width))


def _require_mask2former(folder: Path) -> None:
    path = folder / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); give a folder written by save_pretrained of a "
            "Mask2FormerForUniversalSegmentation."
        ) from error
    if kind != "mask2former":
        raise UserError(
            f"{folder} holds a model of type {kind!r}; expected 'mask2former' "
            "(Mask2FormerForUniversalSegmentation)."
        )
