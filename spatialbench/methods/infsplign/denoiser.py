"""Guiding a stock pipeline: its UNet answers with the guided prediction inside a ``with`` block.

The pipeline's own loop, scheduler and guidance stay as they are, so whatever diffusers samples can
be guided, and a run without guided steps is the stock run to the bit. In guided steps the UNet's
conditional answer is moved so that, after classifier-free guidance, the noise has moved by
``weight * gradient`` (thesis Eq. 6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline, of_pipeline
from ...guidance.finite_gradients import finite_sum, require_finite_gradients
from ...guidance.tokens import object_tokens, selection
from ...guidance.unet_forward import forward_replaced, rows_of
from ...prompts import Prompt
from .geometry import MapReader
from .gradient import GuidedPrediction, predict_with_gradient
from .layers import find_taps
from .loss import SpatialLoss
from .official_tokens import official_object_tokens
from .placement import Placement, placed_relation
from .prediction import shift_factors
from .settings import GuidanceSettings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class GuidedStep:
    """What an observer sees of a guided evaluation.

    Attributes:
        call: number of the model evaluation, from 0.
        timestep: of the scheduler, a tensor of no dimension.
        latents: (batch, channels, h, w), as given to the model.
        prediction: the conditional output, losses and gradients.
    """

    call: int
    timestep: Tensor
    latents: Tensor
    prediction: GuidedPrediction


Observer = Callable[[GuidedStep], None]


@contextmanager
def guided(
    pipe: Pipeline,
    prompts: Sequence[Prompt],
    settings: GuidanceSettings,
    *,
    steps: int,
    guidance_scale: float,
    observer: Observer | None = None,
) -> Iterator[None]:
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
        yield
    guide.require_finite()


class _Guide:
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
        import torch

        self.pipe = pipe
        self.unet_forward = pipe.unet.forward
        self.prompts = prompts
        self.settings = settings
        self.steps = steps
        self.guidance_scale = guidance_scale if guidance_scale > 1 else 1.0
        self.observer = observer
        self.calls = 0
        self.factors: list[float] = []
        device = pipe.unet.device
        wide = torch.promote_types(pipe.unet.dtype, torch.float32)
        released = settings.variant.released
        self.taps = find_taps(pipe.unet, settings.layers)
        self.reader = MapReader(settings.threshold, guard=not released)
        tokenizers = of_pipeline(pipe).word_tokenizers(pipe)
        choose = official_object_tokens if released else object_tokens
        positions = [choose(prompt, tokenizers) for prompt in prompts]
        self.selection = selection(positions, tokenizers[0].model_max_length, device)
        relations = [placed_relation(p, settings.near, released=released) for p in prompts]
        placement = Placement.of(relations, device, wide)
        coarse = tuple(tap.coarse for tap in self.taps)
        self.loss = SpatialLoss(settings, placement, coarse, device, wide)
        self.finite = torch.ones(len(prompts), dtype=torch.bool, device=device)

    def forward(
        self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **more: Any
    ) -> Any:
        """The UNet's answer for [unconditional; conditional] latents, guided where it is due."""
        import torch

        scheduler = self.pipe.scheduler
        if not self.calls:
            self.factors = shift_factors(scheduler)
        call, self.calls = self.calls, self.calls + 1
        if not self.settings.window.holds_call(call, len(scheduler.timesteps), self.steps):
            return self.unet_forward(
                sample, timestep, encoder_hidden_states=encoder_hidden_states, **more
            )
        batch = len(self.prompts)
        plain = len(sample) - batch
        if plain not in (0, batch):
            raise ValueError(f"{len(sample)} latents for {batch} prompts")

        def evaluate(latents: Tensor, rows: slice) -> Tensor:
            output: Tensor = self.unet_forward(
                latents,
                timestep,
                encoder_hidden_states=encoder_hidden_states[rows],
                **{key: rows_of(value, rows) for key, value in more.items()},
            )[0]
            return output

        with torch.no_grad():
            unconditional = evaluate(sample[:plain], slice(0, plain)) if plain else sample[:0]
        conditional = slice(plain, None)
        prediction = predict_with_gradient(
            lambda latents: evaluate(latents, conditional),
            sample[conditional],
            self.taps,
            self.selection,
            self.reader,
            self.loss,
        )
        if self.observer is not None:
            self.observer(GuidedStep(call, timestep, sample[conditional], prediction))
        moved = self._moved(prediction, self.factors[call])
        return (torch.cat([unconditional, moved]),)

    def _moved(self, prediction: GuidedPrediction, factor: float) -> Tensor:
        """The conditional output after the gradient is added.

        It is divided by the guidance scale, which will multiply it.
        """
        weight = self.settings.weight * factor / self.guidance_scale
        moved, fine = finite_sum(prediction.output, weight * prediction.gradient)
        self.finite &= fine
        return moved

    def require_finite(self) -> None:
        """Raise if any sample's gradient overflowed in any step."""
        dtype = self.pipe.unet.dtype
        require_finite_gradients("infsplign", self.finite, self.prompts, dtype, "weight")
