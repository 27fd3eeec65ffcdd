"""A loaded Grounding DINO: an image and object names in, scored boxes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.plugins.ahead import Ahead
from spatialbench.weights.devices import check_device
from spatialbench.weights.model_folder import load_kind
from spatialbench.weights.parts_beside import load_beside

from ..canary import require_finite
from .sentence import Sentence, sentence

if TYPE_CHECKING:
    import torch
    from PIL import Image

IMAGE_PROCESSOR = "GroundingDinoImageProcessorPil"
MODEL_CLASS = "GroundingDinoForObjectDetection"


@dataclass(frozen=True, slots=True)
class Found:
    """Boxes (n, 4) as corners in the image's pixels, scores (n,), positions in the names (n,)."""

    boxes: torch.Tensor
    scores: torch.Tensor
    names: torch.Tensor


class GroundingDinoModel:
    """Model, tokenizer and image processor of one folder, in float32 on one device."""

    def __init__(self, folder: Path, device: str, name: str) -> None:
        self._device = check_device(device)
        self._name = name
        self._model = load_kind(folder, "grounding-dino", MODEL_CLASS).to(self._device)
        rows = self._model.config.text_config.vocab_size
        self._tokenizer = load_beside("AutoTokenizer", folder, rows)
        self._processor = load_beside(IMAGE_PROCESSOR, folder)
        self.ahead = Ahead(self._inputs)

    def _inputs(self, image: Image.Image) -> Any:
        """Its pixels and their mask."""
        return self._processor(images=image.convert("RGB"), return_tensors="pt")

    def look(self, image: Image.Image, names: Sequence[str], floor: float) -> Found:
        """Boxes with a score strictly above ``floor``, in the order of the queries.

        A box's score for a name is the sigmoid of its highest token, and it is given to the name
        with the highest. One image at a time: padding to another's size would move its boxes.

        Args:
            image: of any size; it is resized within 800 x 1333.
            names: at least one, each once.
            floor: in [0, 1].

        Raises:
            UserError: a name the model cannot read, or output that is not finite.
        """
        import torch

        read = sentence(self._tokenizer, names, self._model.config.max_text_len, self._name)
        inputs = self.ahead.of(image)
        ids = torch.tensor([read.input_ids], device=self._device)
        with torch.no_grad():
            output = self._model(
                pixel_values=inputs.pixel_values.to(self._device),
                pixel_mask=inputs.pixel_mask.to(self._device),
                input_ids=ids,
                token_type_ids=torch.zeros_like(ids),
                attention_mask=torch.ones_like(ids),
            )
        logits = by_name(output.logits[0], read, len(names))
        boxes = output.pred_boxes[0]
        require_finite(self._name, logits, boxes)
        scores, best = logits.sigmoid().max(1)
        kept = scores > floor
        centre, size = boxes[kept, :2], boxes[kept, 2:]
        corners = torch.cat([centre - 0.5 * size, centre + 0.5 * size], 1)
        pixels = corners.new_tensor([image.width, image.height] * 2)
        return Found(corners * pixels, scores[kept], best[kept])


def by_name(logits: torch.Tensor, read: Sentence, count: int) -> torch.Tensor:
    """Logits (queries, names): of each name's tokens, the highest.

    Args:
        logits: (queries, tokens or more), in the order of the sentence.
        read: the sentence.
        count: how many names it has.
    """
    import torch

    owners = torch.tensor(read.owners, device=logits.device)
    tokens = logits[:, : len(owners)]
    return torch.stack([tokens[:, owners == name].amax(1) for name in range(count)], 1)
