"""Attention processors that report their probabilities and end the recording after the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention
    from torch import Tensor

Reduction = Callable[["Tensor"], "Tensor"]
"""From a layer's probabilities (batch, pixels, tokens), the mean of its heads, to what is kept."""


class LastMapReached(Exception):
    """Raised out of the model's forward pass: every map is there, the rest is not wanted."""


class Recorder:
    """The maps of one forward pass.

    Once every tap has reported, nothing later can reach the loss, so gradient mode is switched off
    for the rest of the pass (the caller's own context restores it), or the pass ends there.

    Args:
        reduce: what is kept of a layer's probabilities.
        count: number of taps.
        stop: end the forward pass by :class:`LastMapReached`; not for a checkpointed model, which
            would leave its recomputation by the same way.
    """

    def __init__(self, reduce: Reduction, count: int, *, stop: bool = False) -> None:
        self.reduce = reduce
        self.stop = stop
        self._maps: list[Tensor | None] = [None] * count
        self._last: int | None = None

    def report(self, slot: int, probabilities: Tensor) -> None:
        """Take one layer's probabilities, (batch, heads, pixels, tokens).

        A checkpointed layer reports again when it is recomputed in the backward pass: the same
        operations run, and the result is not kept.
        """
        import torch

        kept = self.reduce(probabilities.mean(1))
        if self._maps[slot] is None:
            self._maps[slot] = kept
            if all(m is not None for m in self._maps):
                self._last = slot
        if slot == self._last:
            if self.stop:
                raise LastMapReached
            torch.set_grad_enabled(False)

    def maps(self) -> list[Tensor]:
        """What was kept of each tap, in the order of the taps."""
        missing = [slot for slot, m in enumerate(self._maps) if m is None]
        if missing:
            raise RuntimeError(f"taps {missing} were not reached by the forward pass")
        return [m for m in self._maps if m is not None]


class TapProcessor:
    """Cross-attention with explicit probabilities, in float32 or wider."""

    def __init__(self, recorder: Recorder, slot: int) -> None:
        self.recorder = recorder
        self.slot = slot

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        """(batch, pixels, channels) -> the same."""
        import torch

        def by_head(x: Tensor) -> Tensor:
            return x.view(*x.shape[:2], attn.heads, -1).transpose(1, 2)

        if attn.norm_cross:
            encoder_hidden_states = attn.norm_encoder_hidden_states(encoder_hidden_states)
        query = by_head(attn.to_q(hidden_states))
        key = by_head(attn.to_k(encoder_hidden_states))
        value = by_head(attn.to_v(encoder_hidden_states))
        logits = query @ (key * attn.scale).transpose(-1, -2)
        if attention_mask is not None:
            batch, tokens = key.shape[0], key.shape[2]
            mask = attn.prepare_attention_mask(attention_mask, tokens, batch)
            logits = logits + mask.view(batch, attn.heads, *mask.shape[1:])
        wide = torch.promote_types(logits.dtype, torch.float32)
        probabilities = logits.softmax(-1, dtype=wide)
        self.recorder.report(self.slot, probabilities)
        mixed = (probabilities.to(value.dtype) @ value).transpose(1, 2).flatten(2)
        output: Tensor = attn.to_out[1](attn.to_out[0](mixed))
        if attn.residual_connection:
            output = output + hidden_states
        return output / float(attn.rescale_output_factor)


@contextmanager
def tapped(
    modules: Sequence[Attention], reduce: Reduction, *, stop: bool = False
) -> Iterator[Recorder]:
    """Read the maps of these layers inside the block; every processor is put back after it.

    The block must also hold the backward pass: a checkpointed layer is recomputed there.
    """
    recorder = Recorder(reduce, len(modules), stop=stop)
    before: list[Any] = [module.processor for module in modules]
    try:
        for slot, module in enumerate(modules):
            module.set_processor(TapProcessor(recorder, slot))
        yield recorder
    finally:
        for module, processor in zip(modules, before, strict=True):
            module.set_processor(processor)
