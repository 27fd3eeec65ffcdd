"""Cross-attention maps during training, and a loss that keeps them on their objects.

Web-scale models localise object words by themselves; a model trained for an hour needs telling.
The loss is the token-level grounding objective of TokenCompose (Wang et al., CVPR 2024): the share
of an object word's attention that falls outside the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from diffusers import UNet2DConditionModel
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from ..world import Rendered, Scene


class RecordingProcessor:
    """Attention written out, which trains faster on a CPU than the fused kernel does.

    Args:
        store: receives the head-averaged probabilities (batch, pixels, tokens) of each call, or
            None to record nothing.
    """

    def __init__(self, store: list[Tensor] | None = None) -> None:
        self.store = store

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        batch, pixels, _width = hidden_states.shape
        heads = attn.heads

        def split(x: Tensor) -> Tensor:
            return x.view(batch, x.shape[1], heads, -1).transpose(1, 2).flatten(0, 1)

        q, k, v = (
            split(attn.to_q(hidden_states)),
            split(attn.to_k(context)),
            split(attn.to_v(context)),
        )
        probabilities = ((q * attn.scale) @ k.transpose(1, 2)).softmax(-1)
        if self.store is not None:
            self.store.append(probabilities.view(batch, heads, pixels, -1).float().mean(1))
        out = (probabilities.to(v.dtype) @ v).view(batch, heads, pixels, -1)
        mixed: Tensor = attn.to_out[0](out.transpose(1, 2).flatten(2))
        return mixed


def record_decoder(unet: UNet2DConditionModel, store: list[Tensor]) -> None:
    """Record the cross-attention of ``up_blocks.{1,2}`` into ``store``, in layer order."""
    unet.set_attn_processor(
        {
            name: RecordingProcessor(
                store
                if "attn2" in name and name.startswith(("up_blocks.1", "up_blocks.2"))
                else None
            )
            for name in unet.attn_processors
        }
    )


def token_mask(
    scenes: Sequence[Scene], input_ids: Tensor, tokenizer: PreTrainedTokenizerFast
) -> Tensor:
    """Which tokens name each object: float32 (batch, 2, tokens), rows summing to 1 or 0."""
    import torch

    ids = input_ids.numpy()
    mask = np.zeros((len(scenes), 2, ids.shape[1]), np.float32)
    for i, scene in enumerate(scenes):
        start = 0
        for j, name in enumerate(scene.called):
            words = tokenizer.convert_tokens_to_ids(name.split())
            for k in range(start, ids.shape[1] - len(words) + 1):
                if ids[i, k : k + len(words)].tolist() == words:
                    mask[i, j, k : k + len(words)] = 1 / len(words)
                    start = k + len(words)
                    break
    return torch.from_numpy(mask)


def object_mask(drawings: Sequence[Rendered], side: int) -> Tensor:
    """Objects' masks at a coarser side: float32 (batch, 2, side * side), 1 where any pixel is."""
    import torch
    from torch.nn import functional as F

    full = np.zeros((len(drawings), 2, *drawings[0].masks.shape[1:]), np.float32)
    for i, drawing in enumerate(drawings):
        full[i, : len(drawing.masks)] = drawing.masks
    pooled = F.adaptive_max_pool2d(torch.from_numpy(full), side)
    return pooled.flatten(2)


def grounding_loss(maps: Sequence[Tensor], tokens: Tensor, drawings: Sequence[Rendered]) -> Tensor:
    """Mean over layers and objects of ``(1 - attention inside / attention)^2``.

    Args:
        maps: per layer (batch, pixels, tokens) probabilities.
        tokens: :func:`token_mask`; objects with an all-zero row (empty captions) do not count.
        drawings: the batch's images.
    """
    import torch

    masks = {side: object_mask(drawings, side) for side in {round(m.shape[1] ** 0.5) for m in maps}}
    named = (tokens.sum(-1) > 0).float()
    losses = []
    for probabilities in maps:
        attention = torch.einsum("bpt,bot->bop", probabilities, tokens)
        inside = (attention * masks[round(attention.shape[-1] ** 0.5)]).sum(-1)
        share = inside / attention.sum(-1).clamp_min(1e-6)
        losses.append(((1 - share).square() * named).sum() / named.sum().clamp_min(1))
    return torch.stack(losses).mean()
