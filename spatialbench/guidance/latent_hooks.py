"""Moving the latents of a stock pipeline before each model evaluation.

Methods that descend on the latents (Attend-and-Excite, STORM) need the model and the scheduler's
step to see the moved latents. The pipeline's own loop stays: its scheduler hands the latents to the
model (``scale_model_input``) and takes the step (``step``), so both are stood in for during one
call, and whatever diffusers samples can be guided. Where nothing is moved the tensors are the
pipeline's own, so an unguided run is the stock run to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .replaced_methods import methods_replaced
from .unet_forward import forward_replaced, rows_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline

Model = Callable[["Tensor", "Tensor"], Any]
"""The UNet's conditional half: unscaled latents (n, channels, h, w) and the numbers (n,) of the
samples they belong to."""

Move = Callable[[int, "Tensor", Model], "Tensor"]
"""From the number of the model evaluation (from 0), the latents (batch, channels, h, w) and the
model, to the latents that take their place: the very same tensor where nothing is moved."""


@contextmanager
def latents_moved(
    pipe: Pipeline, move: Move, batch: int, *, checkpointing: bool = False
) -> Iterator[None]:
    """Inside the block, one call of ``pipe`` for ``batch`` prompts has its latents moved.

    UNet and scheduler are as before after it.
    """
    hooks = _Hooks(pipe, move, batch)
    methods: dict[str, Callable[..., Any]] = {
        "scale_model_input": hooks.scale_model_input,
        "step": hooks.take_step,
    }
    with (
        methods_replaced(pipe.scheduler, methods),
        forward_replaced(pipe.unet, hooks.forward, checkpointing=checkpointing),
    ):
        yield


class _Hooks:
    """What stands in for the scheduler's and the UNet's methods during one pipeline call."""

    def __init__(self, pipe: Pipeline, move: Move, batch: int) -> None:
        self.unet_forward = pipe.unet.forward
        self.scale = pipe.scheduler.scale_model_input
        self.step = pipe.scheduler.step
        self.move = move
        self.batch = batch
        self.calls = 0
        self.latents: Tensor | None = None
        self.moved: Tensor | None = None

    def scale_model_input(self, sample: Tensor, timestep: Any) -> Tensor:
        """The latents as the scheduler scales them; the unscaled ones are remembered."""
        self.latents, self.moved = sample[: self.batch], None
        scaled: Tensor = self.scale(sample, timestep)
        return scaled

    def forward(
        self, sample: Tensor, timestep: Tensor, encoder_hidden_states: Tensor, **more: Any
    ) -> Any:
        """The UNet's answer for the moved latents."""
        import torch

        call, self.calls = self.calls, self.calls + 1
        latents = self.latents
        assert latents is not None
        halves = len(sample) // self.batch
        if halves * self.batch != len(sample):
            raise ValueError(f"{len(sample)} latents for {self.batch} prompts")
        # Guidance puts the unconditional half first.
        conditional = len(sample) - self.batch

        def model(chosen: Tensor, rows: Tensor) -> Any:
            own = rows + conditional
            return self.unet_forward(
                self.scale(chosen, timestep),
                timestep,
                encoder_hidden_states=encoder_hidden_states[own],
                **{key: rows_of(value, own) for key, value in more.items()},
            )

        moved = self.move(call, latents, model)
        if moved is not latents:
            self.moved = moved
            sample = self.scale(torch.cat([moved] * halves), timestep)
        return self.unet_forward(
            sample, timestep, encoder_hidden_states=encoder_hidden_states, **more
        )

    def take_step(
        self, model_output: Tensor, timestep: Any, sample: Tensor, *args: Any, **options: Any
    ) -> Any:
        """The scheduler's step, from the moved latents."""
        start = sample if self.moved is None else self.moved
        return self.step(model_output, timestep, start, *args, **options)
