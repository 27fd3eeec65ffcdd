"""Captions as the denoiser takes them while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..backbones.families import Pipeline, of_pipeline
from ..backbones.prompt_embeddings import PromptEncoder

if TYPE_CHECKING:
    from torch import Tensor


class Conditioning:
    """Keyword arguments of the denoiser for a batch of captions; the empty one is guidance's.

    Args:
        pipe: an SD, SDXL or FLUX pipeline.
        learned: the text encoders are trained too, so that nothing can be remembered.
        size: width and height of the images in pixels; SDXL is told them.
        text_length: tokens of T5, for FLUX.
    """

    def __init__(
        self,
        pipe: Pipeline,
        size: tuple[int, int],
        *,
        learned: bool,
        text_length: int | None = None,
    ) -> None:
        self._pipe, self._family = pipe, of_pipeline(pipe)
        self._learned = learned
        self._encoder = PromptEncoder(pipe, capacity=100_000, text_length=text_length)
        self._size = size

    def __call__(self, captions: Sequence[str]) -> dict[str, Any]:
        """``encoder_hidden_states`` (n, length, width), and what SDXL and FLUX are told besides."""
        tokens, pooled = self._now(captions) if self._learned else self._remembered(captions)
        if pooled is None:
            return {"encoder_hidden_states": tokens}
        if self._family.flow:
            return {"encoder_hidden_states": tokens, "pooled_projections": pooled}
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
        found = self._family.encode(self._pipe, list(captions))
        return found.tokens, found.pooled

    def _time_ids(self, tokens: Tensor) -> Tensor:
        """Original size, no crop, target size, as the pipeline tells them when it samples."""
        width, height = self._size
        own = self._family.own_size(self._pipe)
        rows, columns = (height, width) if width and height else own
        row = tokens.new_tensor([rows, columns, 0, 0, rows, columns])
        return row.repeat(len(tokens), 1)
