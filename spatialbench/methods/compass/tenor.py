"""TENOR: the order of the words, added where attention looks for them and not to what it takes.

Source: CoMPaSS (arXiv 2412.13195) and its code (blurgyy/CoMPaSS at 4b51c28). It has no parameters
of its own, so it is in no weights file and has to be switched on. With E the text (n, tokens,
width) and PE the sinusoids of the token positions, counted from 0 with the start token:

- UNet, every cross-attention layer: K = W_k (E + PE), V = W_v E, Q as it was. The unconditional
  half of a guidance batch is no exception.
- FLUX, the double blocks that CoMPaSS's LoRA adapts, after modulation: text Q and K from E + PE,
  text V from E, each with the LoRA's own share. Single blocks and the image's own Q, K, V are as
  they were.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...guidance.cross_attention import CrossAttentionProcessor
from ...guidance.own_attention import cross_attention, require_own

if TYPE_CHECKING:
    from torch import Tensor

NAME = "compass (TENOR)"


def install_tenor(model: Any, among: Collection[int] | None = None) -> int:
    """Put TENOR into a UNet or a FLUX transformer; how many layers it acts on.

    Args:
        among: numbers of the double blocks of FLUX that it may act on; None for all.

    Raises:
        UserError: a layer whose attention another method already changes.
    """
    double = getattr(model, "transformer_blocks", None)
    if double is not None:
        blocks: list[tuple[str, Any, Any]] = [
            (f"transformer_blocks.{i}.attn", block.attn, TenorFluxProcessor())
            for i, block in enumerate(double)
            if among is None or i in among
        ]
    else:
        blocks = [
            (name, module, TenorProcessor()) for name, module in cross_attention(model).items()
        ]
    for name, module, _ in blocks:
        require_own(name, module, NAME)
    for _, module, processor in blocks:
        module.set_processor(processor)
    return len(blocks)


def encoding(like: Tensor) -> Tensor:
    """The sinusoids of the token positions for text (n, tokens, width): (tokens, width).

    ``PE(p, 2i) = sin(p / 10000^(2i / width))``, ``PE(p, 2i + 1)`` its cosine; computed in float32
    and rounded to the text's dtype, as the authors do.
    """
    return _sinusoids(*like.shape[-2:]).to(like)


@lru_cache(maxsize=8)
def _sinusoids(tokens: int, width: int) -> Tensor:
    import torch

    even = width + width % 2
    frequencies = 1.0 / 10000 ** (torch.arange(0, even, 2, dtype=torch.float32) / even)
    angles = torch.outer(torch.arange(tokens, dtype=torch.float32), frequencies)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


class TenorProcessor(CrossAttentionProcessor):
    """Cross-attention of a UNet with TENOR."""

    method = NAME

    def looked_for(self, text: Tensor) -> Tensor:
        """The words with their order."""
        return text + encoding(text)


class TenorFluxProcessor:
    """Joint attention of a FLUX double block with TENOR."""

    method = NAME

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
    ) -> tuple[Tensor, Tensor]:
        """Image (batch, pixels, width) and text (batch, tokens, width), both modulated."""
        import torch
        from diffusers.models.embeddings import apply_rotary_emb
        from torch.nn import functional as F

        def by_head(x: Tensor) -> Tensor:
            return x.view(*x.shape[:2], -1, attn.head_dim)

        text = encoder_hidden_states
        ordered = text + encoding(text)
        text_query = attn.norm_added_q(by_head(attn.add_q_proj(ordered)))
        text_key = attn.norm_added_k(by_head(attn.add_k_proj(ordered)))
        text_value = by_head(attn.add_v_proj(text))
        query = torch.cat([text_query, attn.norm_q(by_head(attn.to_q(hidden_states)))], dim=1)
        key = torch.cat([text_key, attn.norm_k(by_head(attn.to_k(hidden_states)))], dim=1)
        value = torch.cat([text_value, by_head(attn.to_v(hidden_states))], dim=1)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb, sequence_dim=1)
            key = apply_rotary_emb(key, image_rotary_emb, sequence_dim=1)
        mixed = F.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=attention_mask,
        )
        joint = mixed.transpose(1, 2).flatten(2)
        tokens = text.shape[1]
        image = attn.to_out[1](attn.to_out[0](joint[:, tokens:]))
        return image, attn.to_add_out(joint[:, :tokens])
