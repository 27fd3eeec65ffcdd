"""The gradient of a loss of attention maps by the latents, one graph at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .taps import LastMapReached, TapProcessor, tapped

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .taps import Recorder

HALF_SCALE = 1024.0
"""The loss is multiplied by this before a float16 backward pass, whose smaller values would vanish
(the gradient is near 1e-4 a value). A power of two: it changes no digit."""


def loss_and_gradient(
    model: Callable[[Tensor], Any],
    latents: Tensor,
    modules: Sequence[Any],
    loss: Callable[[list[Tensor]], Tensor],
    *,
    stop: bool,
    processor: Callable[[Recorder, int], Any] = TapProcessor,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the model up to its last tapped layer and differentiate.

    Samples do not interact, so the gradient of the summed loss is each sample's own.

    Args:
        model: the denoiser with everything but its first argument given; its weights frozen.
        latents: (batch, ...), what the gradient is taken by.
        modules: the attention layers that are read.
        loss: from the layers' probabilities, (batch, pixels, tokens) each, to (batch,).
        processor: see :func:`tapped`.
        dtype: of the model; None is that of the latents.
        stop: leave the forward pass after the last tapped layer; not with checkpointing.

    Returns:
        (batch,) losses and a gradient like the latents, both float32 or wider.
    """
    import torch

    leaf = latents.detach().requires_grad_()
    scale = HALF_SCALE if (dtype or latents.dtype) == torch.float16 else 1.0
    taps = tapped(modules, lambda p: p, stop=stop, processor=processor)
    with torch.enable_grad(), taps as recorder:
        with suppress(LastMapReached):
            model(leaf)
        torch.set_grad_enabled(True)
        losses = loss(recorder.maps())
        (gradient,) = torch.autograd.grad(losses.sum() * scale, leaf)
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return losses.detach(), gradient.to(wide) / scale
