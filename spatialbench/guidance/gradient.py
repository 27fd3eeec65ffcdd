"""The gradient of a loss of attention maps by the latents, one graph at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .taps import LastMapReached, tapped

if TYPE_CHECKING:
    from torch import Tensor

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
) -> tuple[Tensor, Tensor]:
    """Run the model up to its last tapped layer and differentiate.

    Samples do not interact, so the gradient of the summed loss is each sample's own.

    Args:
        model: the UNet with everything but its first argument given; its weights frozen.
        latents: (batch, channels, h, w), what the gradient is taken by.
        modules: the cross-attention layers that are read.
        loss: from the layers' probabilities, (batch, pixels, tokens) each, to (batch,).
        stop: leave the forward pass after the last tapped layer; not with checkpointing.

    Returns:
        (batch,) losses and a gradient like the latents, both float32 or wider.
    """
    import torch

    leaf = latents.detach().requires_grad_()
    scale = HALF_SCALE if latents.dtype == torch.float16 else 1.0
    with torch.enable_grad(), tapped(modules, lambda p: p, stop=stop) as recorder:
        with suppress(LastMapReached):
            model(leaf)
        torch.set_grad_enabled(True)
        losses = loss(recorder.maps())
        (gradient,) = torch.autograd.grad(losses.sum() * scale, leaf)
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return losses.detach(), gradient.to(wide) / scale
