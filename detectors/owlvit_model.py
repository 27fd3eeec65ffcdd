"""A loaded OWL-ViT: pictures and object names in, scored candidate boxes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.checkpoints.devices import check_device
from spatialbench.checkpoints.loading import load_model, quiet
from spatialbench.errors import UserError

if TYPE_CHECKING:
    import torch
    from PIL import Image

QUERY = "a photo of a {name}"
"""VISOR's wording, with "a" before vowels too (scorers.py and notebook, microsoft/VISOR)."""

IMAGE_PROCESSOR = "OwlViTImageProcessorPil"
"""Named outright: the plain class changes its pixels when torchvision is installed."""


class OwlVitModel:
    """Model, tokenizer and image processor of one folder, in float32 on one device.

    Each object name is encoded once, alone, and remembered.
    """

    def __init__(self, folder: Path, device: str, name: str) -> None:
        import torch
        import transformers

        self._device = check_device(device)
        self._name = name
        _require_owlvit(folder)
        self._model = load_model(
            transformers.OwlViTForObjectDetection, folder, torch.float32, pickled=True
        ).to(self._device)
        try:
            with quiet():
                self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                    folder, local_files_only=True
                )
                self._processor = getattr(transformers, IMAGE_PROCESSOR).from_pretrained(
                    folder, local_files_only=True
                )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"cannot load the tokenizer or image processor of {folder} "
                f"({' '.join(str(error).split())}); get an intact copy of the folder."
            ) from error
        self._queries: dict[str, torch.Tensor] = {}

    def candidates(
        self, images: Sequence[Image.Image], labels: Sequence[Sequence[str]], floor: float
    ) -> list[dict[str, torch.Tensor]]:
        """Candidate boxes with a score strictly above ``floor``, in patch order.

        Args:
            images: of any sizes; each is resized on its own, aspect ratio not kept.
            labels: at least one object name an image.
            floor: in [0, 1].

        Returns:
            for each image ``boxes`` float32 (n, 4) as corners in its own pixels, ``scores``
            float32 (n,) and ``labels`` int64 (n,), positions in its list of names.

        Raises:
            UserError: a name outside the vocabulary, or output that is not finite.
        """
        import torch

        queries, mask = self._stack_queries(labels)
        pixels = self._processor(
            images=[image.convert("RGB") for image in images], return_tensors="pt"
        ).pixel_values.to(self._device)
        model = self._model
        with torch.no_grad():
            feature_map = model.image_embedder(pixel_values=pixels)[0]
            features = feature_map.flatten(1, 2)
            logits = model.class_predictor(features, queries, mask)[0]
            boxes = model.box_predictor(features, feature_map)
        self._require_finite(logits, boxes)
        output = transformers_output(logits, boxes)
        sizes = [(image.height, image.width) for image in images]
        found: list[dict[str, torch.Tensor]] = self._processor.post_process_object_detection(
            output, threshold=floor, target_sizes=sizes
        )
        return found

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
                features = self._model.owlvit.get_text_features(
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
        unknown = tokenizer.unk_token_id
        # In CLIP's byte-level vocabulary the unknown token doubles as the end of the text.
        if unknown in (None, tokenizer.eos_token_id, tokenizer.pad_token_id):
            return
        if bool((ids == unknown).any()):
            raise UserError(
                f"{self._name} has no word for the object {name!r}; it would not be found even "
                "where it is. Use a detector with an open vocabulary: --detector owlvit."
            )

    def _require_finite(self, logits: torch.Tensor, boxes: torch.Tensor) -> None:
        if not bool(logits.isfinite().all() and boxes.isfinite().all()):
            raise UserError(
                f"{self._name} returned NaN or infinite values; its weights or this device are "
                "broken: run 'spatialbench doctor', or give --device cpu. Nothing was recorded."
            )


def transformers_output(logits: torch.Tensor, boxes: torch.Tensor) -> Any:
    """Logits (n, patches, queries) and boxes (n, patches, 4) as post-processing takes them."""
    from transformers.models.owlvit.modeling_owlvit import OwlViTObjectDetectionOutput

    return OwlViTObjectDetectionOutput(logits=logits, pred_boxes=boxes)


def _require_owlvit(folder: Path) -> None:
    path = folder / "config.json"
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read ({error}); give a folder written by save_pretrained of an "
            "OwlViTForObjectDetection."
        ) from error
    if kind != "owlvit":
        raise UserError(
            f"{folder} holds a model of type {kind!r}; expected 'owlvit' "
            "(OwlViTForObjectDetection)."
        )
