"""Cross-attention of a UNet, written out, for the processors that read or change a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class CrossAttentionProcessor:
    """Plain cross-attention from the layer's own projections; methods override its parts."""

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(batch, pixels, channels) and text (batch, tokens, width) -> the former's shape."""
        text = encoder_hidden_states
        if attn.norm_cross:
            text = attn.norm_encoder_hidden_states(text)
        query = _by_head(attn, attn.to_q(hidden_states))
        key = _by_head(attn, attn.to_k(self.looked_for(text)))
        value = _by_head(attn, attn.to_v(text))
        if attention_mask is not None:
            mask = attn.prepare_attention_mask(attention_mask, text.shape[1], len(text))
            attention_mask = mask.view(len(text), attn.heads, -1, mask.shape[-1])
        mixed = self.mixed(attn, query, key, value, attention_mask).transpose(1, 2).flatten(2)
        output: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        if attn.residual_connection:
            output = output + hidden_states
        answer: Tensor = output / attn.rescale_output_factor
        return answer

    def looked_for(self, text: Tensor) -> Tensor:
        """What the keys are made of: the text as it is."""
        return text

    def mixed(
        self, attn: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Values by attention, (batch, heads, pixels, width), from such queries, keys and values.

        ``mask`` is added to the logits, (batch, heads, 1 or pixels, tokens).
        """
        from torch.nn import functional as F

        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


def _by_head(attn: Any, x: Tensor) -> Tensor:
    return x.view(*x.shape[:2], attn.heads, -1).transpose(1, 2)
