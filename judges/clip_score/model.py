"""CLIP as T2I-CompBench compares image and text: the plain cosine of their features.

Source: ``CLIPScore_eval/CLIP_similarity.py`` and ``clip/clip.py`` of Karine-Huang/T2I-CompBench
@ 1b70949. There is no factor before the cosine, and no floor below it.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialbench.errors import UserError

if TYPE_CHECKING:
    import torch
    from PIL import Image

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def prepared(image: Image.Image, side: int) -> torch.Tensor:
    """Pixels (1, 3, side, side), float32: the middle square of the image, normalised.

    The short side becomes ``side`` bicubically, in the image's own mode; then the square is cut
    out, and only then the mode becomes RGB.
    """
    import torch
    from PIL import Image as Images

    width, height = image.size
    short = min(width, height)
    scaled = (
        side if width == short else int(side * width / short),
        side if height == short else int(side * height / short),
    )
    small = image.resize(scaled, Images.Resampling.BICUBIC)
    left, top = (round((length - side) / 2) for length in scaled)
    square = small.crop((left, top, left + side, top + side)).convert("RGB")
    pixels = torch.from_numpy(np.array(square)).permute(2, 0, 1).to(torch.float32) / 255
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return ((pixels - mean) / deviation)[None]


@dataclass(slots=True)
class ClipSimilarity:
    """The model with its tokenizer.

    Attributes:
        model: transformers' ``CLIPModel``.
        tokenizer: that of CLIP.
    """

    model: Any
    tokenizer: Any
    _known: dict[str, torch.Tensor] = field(default_factory=dict)

    def look(self, image: Image.Image) -> torch.Tensor:
        """The features of an image, (width,), before they are made a unit vector."""
        pixels = prepared(image, self.model.config.vision_config.image_size)
        return self._row(self.model.get_image_features(pixel_values=pixels.to(self.model.device)))

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text with the one that begins it and the one that ends it.

        Raises:
            UserError: more than the model reads; nothing is cut, as in the official code.
        """
        ids: list[int] = self.tokenizer(html.unescape(html.unescape(text)).strip()).input_ids
        most = self.model.config.text_config.max_position_embeddings
        if len(ids) > most:
            raise UserError(
                f"{text[:60]!r}... has {len(ids)} tokens, and CLIP reads {most}: the official "
                "scorer stops at it, too; give a shorter text."
            )
        return ids

    def read(self, text: str) -> torch.Tensor:
        """The features of a text, (width,), before they are made a unit vector."""
        import torch

        if text not in self._known:
            ids = torch.tensor([self.tokens(text)], device=self.model.device)
            self._known[text] = self._row(self.model.get_text_features(input_ids=ids))
        return self._known[text]

    def similarity(self, seen: torch.Tensor, text: str) -> float:
        """The cosine of an image's features (see :meth:`look`) and a text's, -1 to 1."""
        read = self.read(text)
        return float((seen / seen.norm()) @ (read / read.norm()))

    @staticmethod
    def _row(output: Any) -> torch.Tensor:
        """Newer versions of transformers wrap the projected features in an output object."""
        rows: torch.Tensor = getattr(output, "pooler_output", output)
        return rows[0].float()
