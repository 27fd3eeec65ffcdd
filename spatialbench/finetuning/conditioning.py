"""Captions as the denoiser takes them while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..generators.pipelines import Pipeline, own_size
from ..generators.prompt_embeddings import PromptEncoder

if TYPE_CHECKING:
    from torch import Tensor


class Conditioning:
    """Keyword arguments of the UNet for a batch of captions; the empty one is guidance's.

    Args:
        pipe: an SD or SDXL pipeline.
        learned: the text encoders are trained too, so that nothing can be remembered.
        size: width and height of the pictures in pixels; SDXL is told them.
    """

    def __init__(self, pipe: Pipeline, size: tuple[int, int], *, learned: bool) -> None:
        self._pipe = pipe
        self._learned = learned
        self._encoder = PromptEncoder(pipe, capacity=100_000)
        self._size = size

    def __call__(self, captions: Sequence[str]) -> dict[str, Any]:
        """``encoder_hidden_states`` (n, length, width), and what SDXL is told besides."""
        tokens, pooled = self._now(captions) if self._learned else self._remembered(captions)
        if pooled is None:
            return {"encoder_hidden_states": tokens}
        return {
            "encoder_hidden_states": tokens,
            "added_cond_kwargs": {"text_embeds": pooled, "time_ids": self._time_ids(tokens)},
        }

    def _remembered(self, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        import torch

        found = [self._encoder.encode(c) if c else self._encoder.negative() for c in captions]
        pooled = [e.pooled for e in found if e.pooled is not None]
        return torch.cat([e.tokens for e in found]), torch.cat(pooled) if pooled else None

    def _now(self, captions: Sequence[str]) -> tuple[Tensor, Tensor | None]:
        encoded = self._pipe.encode_prompt(
            prompt=list(captions),
            device=self._pipe.unet.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )
        return encoded[0], encoded[2] if len(encoded) == 4 else None

    def _time_ids(self, tokens: Tensor) -> Tensor:
        """Original size, no crop, target size, as the pipeline tells them when it samples."""
        width, height = self._size
        rows, columns = own_size(self._pipe) if not (width and height) else (height, width)
        row = tokens.new_tensor([rows, columns, 0, 0, rows, columns])
        return row.repeat(len(tokens), 1)
