"""Attention processors that report their probabilities and end the recording after the last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .cross_attention import CrossAttentionProcessor

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


class TapProcessor(CrossAttentionProcessor):
    """Cross-attention with explicit probabilities, in float32 or wider."""

    def __init__(self, recorder: Recorder, slot: int) -> None:
        self.recorder = recorder
        self.slot = slot

    def mixed(
        self, attn: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> Tensor:
        """As the base class, its probabilities reported."""
        import torch

        logits = query @ (key * attn.scale).transpose(-1, -2)
        if mask is not None:
            logits = logits + mask
        wide = torch.promote_types(logits.dtype, torch.float32)
        probabilities = logits.softmax(-1, dtype=wide)
        self.recorder.report(self.slot, probabilities)
        answer: Tensor = probabilities.to(value.dtype) @ value
        return answer


@contextmanager
def tapped(
    modules: Sequence[Attention],
    reduce: Reduction,
    *,
    stop: bool = False,
    processor: Callable[[Recorder, int], Any] = TapProcessor,
) -> Iterator[Recorder]:
    """Read the maps of these layers inside the block; every processor is put back after it.

    The block must also hold the backward pass: a checkpointed layer is recomputed there.

    Args:
        processor: makes what computes a layer and reports its maps, from the recorder and the
            layer's number.
    """
    recorder = Recorder(reduce, len(modules), stop=stop)
    before: list[Any] = [module.processor for module in modules]
    try:
        for slot, module in enumerate(modules):
            module.set_processor(processor(recorder, slot))
        yield recorder
    finally:
        for module, processor in zip(modules, before, strict=True):
            module.set_processor(processor)
