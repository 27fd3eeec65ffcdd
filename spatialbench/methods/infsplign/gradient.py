"""One guided evaluation of the model: its prediction, the loss, and the gradient of the loss.

Only the conditional half is recorded, and only up to the last tapped layer: nothing else reaches
the loss. One graph is alive at a time, and it is gone when this returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...guidance.gradient import HALF_SCALE
from ...guidance.taps import Recorder, tapped

if TYPE_CHECKING:
    from diffusers.models.attention_processor import Attention
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class GuidedPrediction:
    """What a guided evaluation gives.

    Attributes:
        output: (batch, channels, h, w), the model's conditional output.
        loss: (batch,).
        gradient: like ``output``, of each sample's loss by its own latent; float32 or wider.
    """

    output: Tensor
    loss: Tensor
    gradient: Tensor


def object_maps(
    modules: Sequence[Attention], selection: Tensor, skip: int = 0
) -> AbstractContextManager[Recorder]:
    """Inside, each layer's maps of the objects are recorded: (samples, objects, pixels).

    Args:
        selection: (samples, objects, tokens), rows averaging each object's tokens.
        skip: rows of the batch, from the first, that are none of the samples.
    """

    def objects(probabilities: Tensor) -> Tensor:
        return selection.to(probabilities.dtype) @ probabilities[skip:].transpose(1, 2)

    return tapped(modules, objects)


def differentiated(
    model: Callable[[Tensor], Tensor],
    latents: Tensor,
    taps: AbstractContextManager[Recorder],
    losses_of: Callable[[list[Tensor]], Tensor],
) -> GuidedPrediction:
    """Evaluate the model once and differentiate the losses of its maps by its input.

    Args:
        model: with everything but its first argument given; its weights frozen.
        latents: (batch, ...), what the gradient is taken by.
        taps: inside, the model's maps are recorded.
        losses_of: (batch,) from the maps.
    """
    import torch

    leaf = latents.detach().requires_grad_()
    scale = HALF_SCALE if latents.dtype == torch.float16 else 1.0
    with torch.enable_grad(), taps as recorder:
        output = model(leaf).detach()
        torch.set_grad_enabled(True)
        losses = losses_of(recorder.maps())
        (gradient,) = torch.autograd.grad(losses.sum() * scale, leaf)
    wide = torch.promote_types(gradient.dtype, torch.float32)
    return GuidedPrediction(output, losses.detach(), gradient.to(wide) / scale)
