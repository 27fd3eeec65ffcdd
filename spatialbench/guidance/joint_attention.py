"""Joint attention of a transformer that reports where the image looks at chosen words.

The map of a word is a column of the attention matrix: the probability, over all image and text
keys, that an image token looks at it. One more attention call whose values are 1 at the wanted
words reads just those columns: exact, differentiable, and without the whole matrix.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from .taps import Recorder


class _JointProcessor:
    """What both kinds of joint attention share: the report, and the queries and keys it needs.

    Args:
        recorder: what is reported to, (batch, heads, image tokens, words' columns).
        slot: number of the layer there.
        columns: (batch, columns, text tokens), weights of the text tokens in each column.
        text_only: probabilities over the text keys alone, not over image and text.
    """

    def __init__(
        self, recorder: Recorder, slot: int, columns: Tensor, *, text_only: bool = False
    ) -> None:
        self.recorder = recorder
        self.slot = slot
        self.columns = columns
        self.text_only = text_only

    def report(self, query: Tensor, key: Tensor, text: slice) -> None:
        """Read the columns from all queries and keys, (batch, heads, tokens, width).

        Args:
            text: the rows of the text; those of the image are all others, before or after.
        """
        import torch
        from torch.nn import functional as F

        words = self.columns.shape[-1]
        image = slice(words, None) if text.start == 0 else slice(0, text.start)
        if self.text_only:
            key, text = key[:, :, text], slice(0, words)
        image_query = query[:, :, image].contiguous()
        # As wide as the heads, and so many columns at a time: fused kernels take no other values.
        width = key.shape[-1]
        read = []
        for columns in torch.split(self.columns, width, dim=1):
            count = columns.shape[1]
            values = key.new_zeros(len(key), 1, *key.shape[2:])
            values[:, 0, text, :count] = columns.transpose(1, 2).to(key.dtype)
            values = values.expand(-1, key.shape[1], -1, -1)
            found = F.scaled_dot_product_attention(image_query, key, values)
            wide = torch.promote_types(found.dtype, torch.float32)
            read.append(found[..., :count].to(wide))
        self.recorder.report(self.slot, torch.cat(read, -1) if len(read) > 1 else read[0])


class SD3TapProcessor(_JointProcessor):
    """Joint attention of an SD3 block: the image's tokens first, then the text's."""

    @staticmethod
    def attention(transformer: Any) -> list[Any]:
        """The blocks' joint attention; of SD3.5 medium's two attentions the joint one."""
        return [block.attn for block in transformer.transformer_blocks]

    @staticmethod
    def side(transformer: Any, latents: Tensor, told: Mapping[str, Any]) -> tuple[int, int]:
        """Rows and columns of the image's tokens, from what the transformer is asked."""
        patch = transformer.config.patch_size
        return latents.shape[-2] // patch, latents.shape[-1] // patch

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, Tensor]:
        """(batch, image tokens, channels) and (batch, text tokens, channels) -> both."""
        import torch
        from torch.nn import functional as F

        image, text = hidden_states, encoder_hidden_states

        def by_head(x: Tensor, norm: Any) -> Tensor:
            heads = x.view(*x.shape[:2], attn.heads, -1).transpose(1, 2)
            return heads if norm is None else norm(heads)

        query = torch.cat(
            [
                by_head(attn.to_q(image), attn.norm_q),
                by_head(attn.add_q_proj(text), attn.norm_added_q),
            ],
            dim=2,
        )
        key = torch.cat(
            [
                by_head(attn.to_k(image), attn.norm_k),
                by_head(attn.add_k_proj(text), attn.norm_added_k),
            ],
            dim=2,
        )
        value = torch.cat(
            [by_head(attn.to_v(image), None), by_head(attn.add_v_proj(text), None)], dim=2
        )
        tokens = image.shape[1]
        self.report(query, key, slice(tokens, None))
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        mixed = mixed.to(query.dtype)
        image, text = mixed[:, :tokens], mixed[:, tokens:]
        if not attn.context_pre_only:
            text = attn.to_add_out(text)
        return attn.to_out[1](attn.to_out[0](image)), text


class FluxTapProcessor(_JointProcessor):
    """Joint attention of a FLUX block: the text's tokens first, positions rotated into both.

    In a double block text and image come apart, in a single block as one sequence.
    """

    @staticmethod
    def attention(transformer: Any) -> list[Any]:
        """That of the double blocks, and after it of the single ones."""
        blocks = (*transformer.transformer_blocks, *transformer.single_transformer_blocks)
        return [block.attn for block in blocks]

    @staticmethod
    def side(transformer: Any, latents: Tensor, told: Mapping[str, Any]) -> tuple[int, int]:
        """Rows and columns of the packed latents, by the places of their patches."""
        rows, columns = (int(told["img_ids"][:, axis].max()) + 1 for axis in (1, 2))
        return rows, columns

    # By name, every one: the layer passes only what the signature names.
    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        image_rotary_emb: Any = None,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """(batch, tokens, channels), text apart or in front -> the same shapes."""
        import torch
        from diffusers.models.embeddings import apply_rotary_emb
        from torch.nn import functional as F

        def by_head(x: Tensor) -> Tensor:
            heads: Tensor = x.view(*x.shape[:2], -1, attn.head_dim)
            return heads

        query = attn.norm_q(by_head(attn.to_q(hidden_states)))
        key = attn.norm_k(by_head(attn.to_k(hidden_states)))
        value = by_head(attn.to_v(hidden_states))
        text = encoder_hidden_states
        if text is not None:
            query = torch.cat([attn.norm_added_q(by_head(attn.add_q_proj(text))), query], dim=1)
            key = torch.cat([attn.norm_added_k(by_head(attn.add_k_proj(text))), key], dim=1)
            value = torch.cat([by_head(attn.add_v_proj(text)), value], dim=1)
        if image_rotary_emb is not None:
            query = apply_rotary_emb(query, image_rotary_emb, sequence_dim=1)
            key = apply_rotary_emb(key, image_rotary_emb, sequence_dim=1)
        query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        self.report(query, key, slice(0, self.columns.shape[-1]))
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask)
        mixed = mixed.transpose(1, 2).flatten(2).to(query.dtype)
        if text is None:
            return mixed
        words = text.shape[1]
        image = attn.to_out[1](attn.to_out[0](mixed[:, words:].contiguous()))
        return image, attn.to_add_out(mixed[:, :words].contiguous())


TapProcessor = type[SD3TapProcessor] | type[FluxTapProcessor]

PROCESSORS: Mapping[str, TapProcessor] = {
    "SD3Transformer2DModel": SD3TapProcessor,
    "FluxTransformer2DModel": FluxTapProcessor,
}
"""By the transformer's class."""
