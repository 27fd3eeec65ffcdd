"""Guiding a stock SD3 or FLUX pipeline: its scheduler takes a velocity with the gradient added.

The model's answer stays its own; only the scheduler's step sees the change, so it acts after
whatever guidance the pipeline does: two predictions, a number the model is told, or none. Moving
the noise by ``weight * gradient`` with the sample fixed moves the velocity by that over ``1 - s``
(s the noise level), which the floor keeps finite at pure noise.

No paper gives this; it is a reconstruction of the method for flow matching.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline, of_pipeline
from ...guidance import several
from ...guidance.joint_blocks import find_blocks
from ...guidance.joint_latents import of_rows, require_flow
from ...guidance.joint_tokens import joint_columns, joint_object_tokens
from ...guidance.replaced_methods import methods_replaced
from ...guidance.taps import tapped
from ...guidance.unet_forward import forward_replaced
from ...prompts import Prompt
from .geometry import Moments
from .guide import Aim, Guide, Observer, Rows
from .settings import GuidanceSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ...guidance.taps import Recorder

LEAST_SIGNAL = 0.06
"""Floor of ``1 - s``: Stable Diffusion's noisiest step has that much signal."""


@contextmanager
def guided_transformer(
    pipe: Pipeline,
    prompts: Sequence[Prompt],
    settings: GuidanceSettings,
    *,
    steps: int,
    observer: Observer | None = None,
) -> Iterator[Guide]:
    """Inside the block, one call of ``pipe`` for these prompts, in this order, is guided.

    Transformer and scheduler are as before after it.

    Args:
        pipe: an SD3 or FLUX pipeline in evaluation mode.
        settings: with the parameters of a transformer.
        steps: the ``num_inference_steps`` of the call.
        observer: is told of every guided evaluation.

    Raises:
        UserError: prompts, backbone or scheduler that cannot be guided; on leaving, a gradient
            that was not finite in any step of any image, with the prompts concerned.
    """
    guide = _Guide(pipe, prompts, settings, steps, observer)
    with (
        methods_replaced(pipe.scheduler, {"step": guide.step}),
        forward_replaced(pipe.transformer, guide.forward, checkpointing=settings.checkpointing),
    ):
        yield guide
    guide.require_finite()


class _Guide(Guide):
    """The transformer's forward method and the scheduler's step during one pipeline call."""

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        settings: GuidanceSettings,
        steps: int,
        observer: Observer | None,
    ) -> None:
        assert settings.joint is not None
        require_flow(pipe, "infsplign")
        self.joint = settings.joint
        self.blocks = find_blocks(pipe.transformer, self.joint.reading.blocks, "infsplign")
        layers = len(self.blocks.modules) if self.joint.aggregate == "losses" else 1
        coarse = (True,) * layers
        names = [f"block {number}" for number in self.blocks.numbers]
        super().__init__(
            pipe,
            pipe.transformer,
            several.guided(prompts, settings.relations),
            settings,
            steps,
            observer,
            coarse,
            both=True,
            native=self.joint.grid == "native",
            layers=names if layers > 1 else [", ".join(names)],
        )
        self.own_step = pipe.scheduler.step
        self.asked = False
        self.gradient: Tensor | None = None
        self.columns: Tensor | None = None

    def forward(self, hidden_states: Tensor, encoder_hidden_states: Tensor, **more: Any) -> Any:
        """The transformer's own answer; in guided steps the gradient is kept for the step.

        Guidance by two predictions asks for both at once (the negative prompt's first), or one
        after the other (the prompt's own first): the first call of a step holds the prompt.
        """
        import torch

        first, self.asked = not self.asked, True
        calls = len(self.pipe.scheduler.timesteps)
        if not (first and self.settings.window.holds_call(self.calls, calls, self.steps)):
            return self.own_forward(
                hidden_states=hidden_states, encoder_hidden_states=encoder_hidden_states, **more
            )

        def evaluate(latents: Tensor, rows: Rows) -> Tensor:
            output: Tensor = self.own_forward(
                hidden_states=latents,
                encoder_hidden_states=encoder_hidden_states[rows],
                **of_rows(more, rows),
            )[0]
            return output

        self.step_at_hand = self.calls
        self.side = self.blocks.processor.side(self.pipe.transformer, hidden_states, more)
        self.length = encoder_hidden_states.shape[1]
        negative, prediction = self.answered(hidden_states, evaluate)
        self.gradient = prediction.gradient
        latents = hidden_states[len(negative) :]
        self.observe(self.calls, more["timestep"], latents, prediction)
        return (torch.cat([negative, prediction.output]) if len(negative) else prediction.output,)

    def taps(self, rows: Rows, skip: int) -> AbstractContextManager[Recorder]:
        """See :class:`Guide`."""
        import torch

        columns = self._columns(self.length)[rows]
        if skip:
            columns = torch.cat([columns.new_zeros(skip, *columns.shape[1:]), columns])
        return tapped(
            self.blocks.modules,
            lambda found: found[skip:].transpose(1, 2),
            processor=lambda recorder, slot: self.blocks.processor(
                recorder, slot, columns, text_only=self.joint.softmax == "text"
            ),
        )

    def moments(self, aim: Aim, maps: Sequence[Tensor], latents: Tensor) -> Moments:
        """See :class:`Guide`."""
        import torch

        if self.joint.aggregate == "maps":
            maps = [torch.stack(list(maps)).mean(0)]
        return self.reader([aim.pairs.of(one) for one in maps], [self.side] * len(maps))

    def step(
        self, model_output: Tensor, timestep: Any, sample: Tensor, *args: Any, **options: Any
    ) -> Any:
        """The scheduler's step, from the velocity with the gradient added."""
        gradient, self.gradient = self.gradient, None
        self.calls, self.asked = self.calls + 1, False
        if gradient is not None:
            level = timestep / self.pipe.scheduler.config.num_train_timesteps
            factor = 1 / (1 - level).clamp(min=LEAST_SIGNAL)
            change = self.settings.weight * factor * gradient
            model_output = self.added(model_output, change)
        return self.own_step(model_output, timestep, sample, *args, **options)

    def _columns(self, length: int) -> torch.Tensor:
        """(batch, objects, text tokens), rows averaging each object's tokens of that many."""
        if self.columns is None:
            first = of_pipeline(self.pipe).rows_before_t5(self.pipe)
            found = [
                joint_object_tokens(self.pipe, prompt, self.joint.reading.tokens, length - first)
                for prompt in self.prompts
            ]
            self.columns = joint_columns(found, length).to(self.pipe.transformer.device)
        return self.columns
