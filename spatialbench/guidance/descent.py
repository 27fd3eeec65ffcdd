"""Descending on the latents: the loop that Attend-and-Excite and STORM share.

Before a guided step the latents move against the gradient of a loss of the objects' maps; at a few
steps they do so again and again until the loss is low enough. Source: diffusers' pipeline of
Attend-and-Excite (0.42), which STORM's code (MICV-yonsei/STORM at 88dbc3a) follows. Theirs treat
one image at a time; here the images of a batch descend together, each with its own end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..prompts import Prompt
from .descent_settings import DescentSettings
from .finite_gradients import require_finite_gradients
from .gradient import loss_and_gradient
from .latent_hooks import Model, latents_moved
from .maps_at_level import modules_at_level, object_maps, side_at_level
from .tokens import Positions, prompt_words, token_rows

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline


class MapLoss(Protocol):
    """A loss of the objects' maps of some samples of a batch.

    ``smoothed`` is how many of each sample's maps, from the first, are smoothed; None is all.
    """

    @property
    def smoothed(self) -> int | None: ...

    def __call__(self, maps: Tensor, samples: Sequence[int], step: float) -> Tensor:
        """(n,) from maps (n, objects, rows, columns).

        Args:
            samples: which sample of the batch each row of the maps is.
            step: number of the step as if the run had 50, which is what the authors count in.
        """
        ...

    def may_repeat(self, maps: Tensor, samples: Sequence[int]) -> Tensor:
        """(n,) bool: whether a sample with these maps is descended on again and again."""
        ...


@dataclass(frozen=True, slots=True)
class Descended:
    """What an observer sees of one guided step: losses (n,) of the samples before it moves."""

    step: int
    samples: tuple[int, ...]
    loss: Tensor
    repetitions: int


Observer = Callable[[Descended], None]

AUTHORS_STEPS = 50
"""Sampling steps of the authors' settings."""


@contextmanager
def descended(
    pipe: Pipeline,
    prompts: Sequence[Prompt],
    positions: Sequence[Positions],
    settings: DescentSettings,
    loss: MapLoss,
    *,
    method: str,
    steps: int,
    observer: Observer | None = None,
) -> Iterator[None]:
    """Inside the block, one call of ``pipe`` for these prompts, in this order, is guided.

    Args:
        pipe: a Stable Diffusion or SDXL pipeline in evaluation mode.
        positions: the token positions of each prompt's objects; none leaves a prompt unguided.
        method: its name, for messages.
        steps: the ``num_inference_steps`` of the call.

    Raises:
        UserError: a backbone without cross-attention at the level, or with another method in it;
            on leaving, a gradient that was not finite, with the prompts concerned.
    """
    descent = _Descent(pipe, prompts, positions, settings, loss, method, steps, observer)
    with latents_moved(pipe, descent.move, len(prompts), checkpointing=settings.checkpointing):
        yield
    descent.require_finite()


class _Descent:
    """The guided steps of one pipeline call."""

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        positions: Sequence[Positions],
        settings: DescentSettings,
        loss: MapLoss,
        method: str,
        steps: int,
        observer: Observer | None,
    ) -> None:
        import torch

        self.pipe = pipe
        self.prompts = prompts
        self.settings = settings
        self.loss = loss
        self.method = method
        self.steps = steps
        self.observer = observer
        self.modules = modules_at_level(pipe.unet, settings.level, method)
        self.guided = [sample for sample, objects in enumerate(positions) if objects]
        device = pipe.unet.device
        length = pipe.tokenizer.model_max_length
        self.selection = token_rows(positions, length).to(device)
        self.words = prompt_words(
            [prompt.text for prompt in prompts], pipe.tokenizer, prompt_only=settings.prompt_only
        ).to(device)
        self.finite = torch.ones(len(prompts), dtype=torch.bool, device=device)

    def move(self, call: int, latents: Tensor, model: Model) -> Tensor:
        """The latents that the model evaluates in this call."""
        calls = len(self.pipe.scheduler.timesteps)
        # Schedulers of higher order evaluate the model more than once a step (PNDM, with one
        # evaluation more in all, does not).
        each = max(1, round(calls / self.steps))
        step, repeat = divmod(call, each)
        settings = self.settings
        if not settings.scale or not self.guided or step not in settings.window:
            return latents
        import torch

        samples = torch.tensor(self.guided, device=latents.device)
        count = -(-calls // each)
        # From 1 to 1/2 over the run, under a root.
        share = step / (count - 1) if count > 1 else 0.0
        size = settings.scale * (1 - share / 2) ** 0.5
        state = _State(latents.clone(), samples)
        self._evaluate(state, samples, model, step)
        goal = None if repeat else dict(settings.thresholds).get(step)
        first = state.losses.clone()
        repetitions = 0
        if goal is not None:
            repetitions = self._repeat(state, 1 - goal, size, model, step)
        if self.observer is not None:
            self.observer(Descended(step, tuple(self.guided), first, repetitions))
        self._descend(state, samples, size)
        return state.latents

    def _repeat(self, state: _State, target: float, size: float, model: Model, step: int) -> int:
        """Descend on the samples whose loss is above the target; how often the slowest did."""
        may = self.loss.may_repeat(state.maps, self.guided)
        active = state.samples[(state.losses > target) & may]
        touched = active
        repetitions = 0
        while len(active) and repetitions < self.settings.iterations:
            if repetitions:
                self._evaluate(state, active, model, step)
            repetitions += 1
            self._descend(state, active, size)
            active = active[state.losses[state.places(active)] > target]
        if repetitions:
            self._evaluate(state, touched, model, step)
        return repetitions

    def _evaluate(self, state: _State, samples: Tensor, model: Model, step: int) -> None:
        """Losses, gradients and maps of these samples where their latents are now."""
        import torch

        height, width = state.latents.shape[-2:]
        level = self.settings.level
        shape = side_at_level(height, level), side_at_level(width, level)
        numbers = samples.tolist()
        seen: list[Tensor] = []

        def loss(probabilities: list[Tensor]) -> Tensor:
            words, selection = self.words[samples], self.selection[samples]
            maps = object_maps(probabilities, words, selection, shape, self.loss.smoothed)
            seen.append(maps.detach())
            return self.loss(maps, numbers, step * AUTHORS_STEPS / self.steps)

        losses, gradient = loss_and_gradient(
            lambda z: model(z, samples),
            state.latents[samples],
            self.modules,
            loss,
            stop=not self.pipe.unet.is_gradient_checkpointing,
        )
        if self.settings.clip is not None:
            length = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            gradient = gradient * (self.settings.clip / length).clamp(max=1)
        fine = gradient.isfinite().flatten(1).all(1)
        self.finite[samples] &= fine
        gradient = gradient.where(fine.view(-1, 1, 1, 1), torch.zeros_like(gradient))
        state.keep(samples, losses, gradient, seen[0])

    def _descend(self, state: _State, samples: Tensor, size: float) -> None:
        gradient = state.gradient[state.places(samples)]
        moved = state.latents[samples] - size * gradient
        state.latents[samples] = moved.to(state.latents.dtype)

    def require_finite(self) -> None:
        """Raise if any sample's gradient was not finite in any step."""
        dtype = self.pipe.unet.dtype
        require_finite_gradients(self.method, self.finite, self.prompts, dtype, "scale")


class _State:
    """Where the guided samples of a batch are, and what was last seen there."""

    losses: Tensor
    gradient: Tensor
    maps: Tensor

    def __init__(self, latents: Tensor, samples: Tensor) -> None:
        self.latents = latents
        self.samples = samples

    def places(self, samples: Tensor) -> Tensor:
        """Row numbers of these samples among the guided ones."""
        import torch

        return torch.searchsorted(self.samples, samples)

    def keep(self, samples: Tensor, losses: Tensor, gradient: Tensor, maps: Tensor) -> None:
        """Take the newest values of these samples; the first time, of all of them."""
        if len(samples) == len(self.samples):
            self.losses, self.gradient, self.maps = losses, gradient, maps
            return
        where = self.places(samples)
        for old, new in ((self.losses, losses), (self.gradient, gradient), (self.maps, maps)):
            old[where] = new
