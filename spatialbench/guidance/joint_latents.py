"""Moving the latents of a stock SD3 or FLUX pipeline before each step's model evaluation.

What descends on latents was made for Stable Diffusion's, whose variance a schedule preserves. Of a
flow's latents ``x = (1 - s) * image + s * noise`` those with the same share of noise are
``x / n``, ``n = sqrt(s**2 + (1 - s)**2)``: what moves them sees these, so that steps, gradients and
their lengths are in the units that they were made for. Where nothing is moved the tensors are the
pipeline's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .replaced_methods import methods_replaced
from .unet_forward import forward_replaced, rows_of

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline
    from .latent_hooks import Move

_OF_NO_SAMPLE = ("img_ids", "txt_ids")
"""What FLUX is told of tokens, the same for all samples."""
_SCHEDULERS = ("FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler")

Look = Callable[["Tensor", Mapping[str, Any]], None]
"""Told, before the latents of a step are moved, of the latents and of what else the transformer is
asked."""


def require_flow(pipe: Pipeline, method: str) -> None:
    """Refuse a scheduler whose noise levels are not known.

    Raises:
        UserError: see above.
    """
    scheduler = type(pipe.scheduler).__name__
    if scheduler not in _SCHEDULERS:
        raise UserError(
            f"{method} knows the noise levels of {' and '.join(_SCHEDULERS)}, and this backbone "
            f"has a {scheduler}: choose another backbone."
        )


def of_rows(told: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """What a transformer is told of some samples; see :func:`rows_of`."""
    return {k: v if k in _OF_NO_SAMPLE else rows_of(v, rows) for k, v in told.items()}


@contextmanager
def flow_latents_moved(
    pipe: Pipeline, move: Move, batch: int, look: Look, *, checkpointing: bool = False
) -> Iterator[None]:
    """Inside the block, one call of ``pipe`` for ``batch`` prompts has its latents moved.

    ``move`` is called once a step, with latents and a model in Stable Diffusion's units; float32 or
    wider. Transformer and scheduler are as before after it.
    """
    hooks = _Hooks(pipe, move, batch, look)
    with (
        methods_replaced(pipe.scheduler, {"step": hooks.take_step}),
        forward_replaced(pipe.transformer, hooks.forward, checkpointing=checkpointing),
    ):
        yield


class _Hooks:
    """What stands in for the scheduler's step and the transformer's forward method."""

    def __init__(self, pipe: Pipeline, move: Move, batch: int, look: Look) -> None:
        self.scheduler = pipe.scheduler
        self.own_forward = pipe.transformer.forward
        self.own_step = pipe.scheduler.step
        self.move = move
        self.batch = batch
        self.look = look
        self.steps = 0
        self.asked = False
        self.moved: Tensor | None = None

    def forward(self, hidden_states: Tensor, encoder_hidden_states: Tensor, **more: Any) -> Any:
        """The transformer's answer for the moved latents.

        Guidance by two predictions asks for both at once (the negative prompt's first), or one
        after the other (the prompt's own first): the first call of a step holds the prompt.
        """
        import torch

        if len(hidden_states) % self.batch:
            raise ValueError(f"{len(hidden_states)} latents for {self.batch} prompts")
        if not self.asked:
            self.asked = True
            self.moved = self._moved(hidden_states, encoder_hidden_states, more)
        if self.moved is not None:
            hidden_states = torch.cat([self.moved] * (len(hidden_states) // self.batch))
        return self.own_forward(
            hidden_states=hidden_states, encoder_hidden_states=encoder_hidden_states, **more
        )

    def _moved(self, asked: Tensor, text: Tensor, more: Mapping[str, Any]) -> Tensor | None:
        """The latents that take the place of the prompts' own; None where nothing is moved."""
        import torch

        first = len(asked) - self.batch
        latents = asked[first:]
        self.look(latents, more)
        time = self.scheduler.timesteps[self.steps]
        level = float(time) / self.scheduler.config.num_train_timesteps
        length = (level**2 + (1 - level) ** 2) ** 0.5
        wide = latents.to(torch.promote_types(latents.dtype, torch.float32))

        def model(chosen: Tensor, rows: Tensor) -> Any:
            own = rows + first
            return self.own_forward(
                hidden_states=(chosen * length).to(latents.dtype),
                encoder_hidden_states=text[own],
                **of_rows(more, own),
            )

        before = wide / length
        after = self.move(self.steps, before, model)
        if after is before:
            return None
        # By the difference, so that a sample that was not moved keeps its bits.
        moved: Tensor = (wide + length * (after - before)).to(latents.dtype)
        return moved

    def take_step(
        self, model_output: Tensor, timestep: Any, sample: Tensor, *args: Any, **options: Any
    ) -> Any:
        """The scheduler's step, from the moved latents."""
        start = sample if self.moved is None else self.moved
        self.steps, self.asked, self.moved = self.steps + 1, False, None
        return self.own_step(model_output, timestep, start, *args, **options)
