"""A loaded OWL-ViT or OWLv2: images and object names in, scored candidate boxes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.plugins.ahead import Ahead
from spatialbench.weights.devices import check_device
from spatialbench.weights.model_folder import load_kind
from spatialbench.weights.parts_beside import load_beside

from .canary import require_finite

if TYPE_CHECKING:
    import torch
    from PIL import Image

QUERY = "a photo of a {name}"
"""VISOR's wording, with "a" before vowels too (scorers.py and notebook, microsoft/VISOR)."""


@dataclass(frozen=True, slots=True)
class Family:
    """What differs between the two generations of transformers' classes.

    Attributes:
        model_type: in ``config.json``; also the name of the text and vision towers.
        model_class: the detector's class.
        image_processor: its Pil class. OWLv2's pads an image to a square at its right and bottom,
            so its boxes are measured by the longer side.
    """

    model_type: str
    model_class: str
    image_processor: str


OWLVIT = Family("owlvit", "OwlViTForObjectDetection", "OwlViTImageProcessorPil")
OWLV2 = Family("owlv2", "Owlv2ForObjectDetection", "Owlv2ImageProcessorPil")


class OwlVitModel:
    """Model, tokenizer and image processor of one folder, in float32 on one device.

    Each object name is encoded once, alone, and remembered.
    """

    def __init__(self, family: Family, folder: Path, device: str, name: str) -> None:
        self._device = check_device(device)
        self._name = name
        self._model = load_kind(folder, family.model_type, family.model_class).to(self._device)
        self._towers = getattr(self._model, family.model_type)
        rows = self._model.config.text_config.vocab_size
        self._tokenizer = load_beside("AutoTokenizer", folder, rows)
        self._processor = load_beside(family.image_processor, folder)
        self._queries: dict[str, torch.Tensor] = {}
        self.ahead = Ahead(self._pixels)

    def candidates(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]], floor: float
    ) -> list[dict[str, torch.Tensor]]:
        """Candidate boxes with a score strictly above ``floor``, in patch order.

        Args:
            images: of any sizes; each is resized on its own, aspect ratio not kept.
            labels: at least one object name per image.
            floor: in [0, 1].

        Returns:
            for each image ``boxes`` float32 (n, 4) as corners in its own pixels, ``scores``
            float32 (n,) and ``labels`` int64 (n,), positions in its list of names.

        Raises:
            UserError: a name outside the vocabulary, or output that is not finite.
        """
        import torch

        queries, mask = self._stack_queries(labels)
        pixels = torch.cat([self.ahead.of(image) for image in images]).to(self._device)
        model = self._model
        with torch.no_grad():
            feature_map = model.image_embedder(pixel_values=pixels)[0]
            features = feature_map.flatten(1, 2)
            logits = model.class_predictor(features, queries, mask)[0]
            boxes = model.box_predictor(features, feature_map)
        require_finite(self._name, logits, boxes)
        output = transformers_output(logits, boxes)
        sizes = [(image.height, image.width) for image in images]
        found: list[dict[str, torch.Tensor]] = self._processor.post_process_object_detection(
            output, threshold=floor, target_sizes=sizes
        )
        return found

    def _pixels(self, image: Image.Image) -> torch.Tensor:
        """(1, 3, height, width), whatever is beside it in a batch."""
        found = self._processor(images=image.convert("RGB"), return_tensors="pt")
        pixels: torch.Tensor = found.pixel_values
        return pixels

    def query(self, name: str) -> torch.Tensor:
        """The text embedding of one object name, (width,), of length 1.

        Raises:
            UserError: a name outside the vocabulary, or longer than the text tower reads.
        """
        import torch

        if name not in self._queries:
            length = self._model.config.text_config.max_position_embeddings
            encoded = self._tokenizer(
                QUERY.format(name=name),
                padding="max_length",
                max_length=length,
                return_tensors="pt",
            )
            self._require_known(name, encoded.input_ids, length)
            with torch.no_grad():
                features = self._towers.get_text_features(
                    input_ids=encoded.input_ids.to(self._device),
                    attention_mask=encoded.attention_mask.to(self._device),
                ).pooler_output[0]
            self._queries[name] = features / torch.linalg.norm(features)
        return self._queries[name]

    def _stack_queries(self, labels: Sequence[Sequence[str]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings (n, most, width), short lists padded with zeros, and the mask (n, most)."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        rows = [torch.stack([self.query(name) for name in names]) for names in labels]
        masks = [torch.ones(len(names), dtype=torch.bool, device=self._device) for names in labels]
        return pad_sequence(rows, batch_first=True), pad_sequence(masks, batch_first=True)

    def _require_known(self, name: str, ids: torch.Tensor, length: int) -> None:
        tokenizer = self._tokenizer
        if ids.shape[-1] > length:
            raise UserError(
                f"the object name {name!r} is too long for {self._name}: its text tower reads "
                f"{length} tokens. Use a shorter name."
            )
        require_word(name, ids.flatten().tolist(), tokenizer, self._name)


def require_vocabulary(folder: Path, names: Iterable[str], detector: str) -> None:
    """Refuse object names that a folder's tokenizer has no word for; no model is loaded.

    Raises:
        UserError: such a name, or a damaged tokenizer.
    """
    tokenizer = load_beside("AutoTokenizer", folder)
    for name in names:
        require_word(name, tokenizer(QUERY.format(name=name)).input_ids, tokenizer, detector)


def require_word(name: str, ids: Sequence[int], tokenizer: Any, detector: str) -> None:
    """Refuse an object name whose token ids hold the unknown word. Raises UserError."""
    unknown = tokenizer.unk_token_id
    # In CLIP's byte-level vocabulary the unknown token doubles as the end of the text.
    if unknown in (None, tokenizer.eos_token_id, tokenizer.pad_token_id):
        return
    if unknown in ids:
        raise UserError(
            f"{detector} has no word for the object {name!r}; it would not be found even where it "
            "is. Use a detector with an open vocabulary: --detector owlvit."
        )


def transformers_output(logits: torch.Tensor, boxes: torch.Tensor) -> Any:
    """Logits (n, patches, queries) and boxes (n, patches, 4) as post-processing takes them."""
    from transformers.models.owlvit.modeling_owlvit import OwlViTObjectDetectionOutput

    return OwlViTObjectDetectionOutput(logits=logits, pred_boxes=boxes)
