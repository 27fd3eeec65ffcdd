"""Guiding a stock pipeline: its UNet answers with the guided prediction inside a ``with`` block.

The pipeline's own loop, scheduler and guidance stay as they are, so whatever diffusers samples can
be guided, and a run without guided steps is the stock run to the bit. In guided steps the UNet's
conditional answer is moved so that, after classifier-free guidance, the noise has moved by
``weight * gradient`` (thesis Eq. 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline, of_pipeline
from ...guidance import several
from ...guidance.tokens import object_tokens, selection
from ...guidance.unet_forward import forward_replaced, rows_of
from ...prompts import Prompt
from .geometry import Moments, map_shape
from .gradient import object_maps
from .guide import Aim, Guide, Observer, Rows
from .layers import find_taps, layer_name
from .official_tokens import official_object_tokens
from .prediction import shift_factors
from .settings import GuidanceSettings

if TYPE_CHECKING:
    from torch import Tensor

    from ...guidance.taps import Recorder


@contextmanager
def guided(
    pipe: Pipeline,
    prompts: Sequence[Prompt],
    settings: GuidanceSettings,
    *,
    steps: int,
    guidance_scale: float,
    observer: Observer | None = None,
) -> Iterator[Guide]:
    """Inside the block, one call of ``pipe`` for these prompts, in this order, is guided.

    The UNet's processors, forward method, checkpointing and weight flags are as before after it.

    Args:
        pipe: a Stable Diffusion or SDXL pipeline in evaluation mode.
        steps: the ``num_inference_steps`` of the call.
        guidance_scale: the ``guidance_scale`` of the call; 1 or less is none.

    Raises:
        UserError: prompts, backbone or scheduler that cannot be guided; on leaving, a gradient
            that was not finite in any step of any image, with the prompts concerned.
    """
    guide = _Guide(pipe, prompts, settings, steps, guidance_scale, observer)
    with forward_replaced(pipe.unet, guide.forward, checkpointing=settings.checkpointing):
        yield guide
    guide.require_finite()


class _Guide(Guide):
    """The UNet's forward method during one guided pipeline call."""

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        settings: GuidanceSettings,
        steps: int,
        guidance_scale: float,
        observer: Observer | None,
    ) -> None:
        self.taps_found = find_taps(pipe.unet, settings.layers)
        coarse = tuple(tap.coarse for tap in self.taps_found)
        released = settings.variant.released
        tokenizers = of_pipeline(pipe).word_tokenizers(pipe)
        choose = official_object_tokens if released else object_tokens
        prompts = several.guided(prompts, settings.relations)
        positions = [choose(prompt, tokenizers) for prompt in prompts]
        layers = [layer_name(tap.name) for tap in self.taps_found]
        super().__init__(pipe, pipe.unet, prompts, settings, steps, observer, coarse, layers=layers)
        self.guidance_scale = guidance_scale if guidance_scale > 1 else 1.0
        self.factors: list[float] = []
        length = tokenizers[0].model_max_length
        self.selection = selection(positions, length, pipe.unet.device)

    def forward(
        self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **more: Any
    ) -> Any:
        """The UNet's answer for [unconditional; conditional] latents, guided where it is due."""
        import torch

        scheduler = self.pipe.scheduler
        if not self.calls:
            self.factors = shift_factors(scheduler)
        call, self.calls = self.calls, self.calls + 1
        self.step_at_hand = call
        if not self.settings.window.holds_call(call, len(scheduler.timesteps), self.steps):
            return self.own_forward(
                sample, timestep, encoder_hidden_states=encoder_hidden_states, **more
            )

        def evaluate(latents: Tensor, rows: Rows) -> Tensor:
            output: Tensor = self.own_forward(
                latents,
                timestep,
                encoder_hidden_states=encoder_hidden_states[rows],
                **{key: rows_of(value, rows) for key, value in more.items()},
            )[0]
            return output

        unconditional, prediction = self.answered(sample, evaluate)
        self.observe(call, timestep, sample[len(unconditional) :], prediction)
        # Divided by the guidance scale, which will multiply it.
        weight = self.settings.weight * self.factors[call] / self.guidance_scale
        moved = self.added(prediction.output, weight * prediction.gradient)
        return (torch.cat([unconditional, moved]),)

    def taps(self, rows: Rows, skip: int) -> AbstractContextManager[Recorder]:
        """See :class:`Guide`."""
        return object_maps([tap.module for tap in self.taps_found], self.selection[rows], skip)

    def moments(self, aim: Aim, maps: Sequence[Tensor], latents: Tensor) -> Moments:
        """See :class:`Guide`."""
        shapes = [map_shape(one.shape[-1], *latents.shape[-2:]) for one in maps]
        return self.reader([aim.pairs.of(one) for one in maps], shapes)
