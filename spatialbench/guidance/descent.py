"""Descending on the latents: the loop that Attend-and-Excite and STORM share.

Before a guided step the latents move against the gradient of a loss of the objects' maps; at a few
steps they do so again and again until the loss is low enough. Source: diffusers' pipeline of
Attend-and-Excite (0.42), which STORM's code (MICV-yonsei/STORM at 88dbc3a) follows. Theirs treat
one image at a time; here the images of a batch descend together, each with its own end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..prompts import Prompt
from .descent_settings import DescentSettings
from .finite_gradients import require_finite_gradients
from .gradient import loss_and_gradient
from .latent_hooks import Model, Move
from .maps_at_level import LevelMaps
from .tokens import Positions

if TYPE_CHECKING:
    from torch import Tensor

    from ..backbones.families import Pipeline
    from .taps import Recorder


class WordMaps(Protocol):
    """How the maps of a batch's objects are read of a kind of model.

    Attributes:
        called: what they are read of, for people.
        model: the denoiser.
        modules: its attention layers that are read.
        positions: of each prompt, the tokens of its objects; none leaves a prompt unguided.
    """

    @property
    def called(self) -> str: ...
    @property
    def model(self) -> Any: ...
    @property
    def modules(self) -> Sequence[Any]: ...
    @property
    def positions(self) -> Sequence[Positions]: ...

    def processor(self, samples: Tensor) -> Callable[[Recorder, int], Any]:
        """What reads a layer of these samples; see ``taps.tapped``."""
        ...

    def maps(
        self, found: Sequence[Tensor], samples: Tensor, latents: Tensor, smoothed: int | None
    ) -> Tensor:
        """(n, objects, rows, columns) in [0, 1], from the layers' probabilities (n, pixels, words).

        Args:
            samples: (n,), which sample of the batch each row is.
            latents: of all samples.
            smoothed: see ``maps_at_level.object_maps``.
        """
        ...

    def moving(self, move: Move, *, checkpointing: bool) -> AbstractContextManager[None]:
        """Inside, the latents of one call of the pipeline are moved before each evaluation."""
        ...


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
    maps: WordMaps | Sequence[Positions],
    settings: DescentSettings,
    loss: MapLoss,
    *,
    method: str,
    steps: int,
    observer: Observer | None = None,
) -> Iterator[None]:
    """Inside the block, one call of ``pipe`` for these prompts, in this order, is guided.

    Args:
        pipe: a pipeline in evaluation mode.
        maps: how the objects' maps are read; or, of Stable Diffusion and SDXL, the token positions
            of each prompt's objects, none of which leaves a prompt unguided.
        method: its name, for messages.
        steps: the ``num_inference_steps`` of the call.

    Raises:
        UserError: a backbone without cross-attention at the level, or with another method in it;
            on leaving, a gradient that was not finite, with the prompts concerned.
    """
    if isinstance(maps, Sequence):
        maps = LevelMaps(
            pipe, prompts, maps, settings.level, method, prompt_only=settings.prompt_only
        )
    descent = _Descent(pipe, prompts, maps, settings, loss, method, steps, observer)
    with maps.moving(descent.move, checkpointing=settings.checkpointing):
        yield
    descent.require_finite()


class _Descent:
    """The guided steps of one pipeline call."""

    def __init__(
        self,
        pipe: Pipeline,
        prompts: Sequence[Prompt],
        maps: WordMaps,
        settings: DescentSettings,
        loss: MapLoss,
        method: str,
        steps: int,
        observer: Observer | None,
    ) -> None:
        import torch

        self.pipe = pipe
        self.prompts = prompts
        self.maps = maps
        self.settings = settings
        self.loss = loss
        self.method = method
        self.steps = steps
        self.observer = observer
        self.guided = [sample for sample, objects in enumerate(maps.positions) if objects]
        self.finite = torch.ones(len(prompts), dtype=torch.bool, device=maps.model.device)

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

        numbers = samples.tolist()
        seen: list[Tensor] = []

        def loss(probabilities: list[Tensor]) -> Tensor:
            maps = self.maps.maps(probabilities, samples, state.latents, self.loss.smoothed)
            seen.append(maps.detach())
            return self.loss(maps, numbers, step * AUTHORS_STEPS / self.steps)

        losses, gradient = loss_and_gradient(
            lambda z: model(z, samples),
            state.latents[samples],
            self.maps.modules,
            loss,
            stop=not self.maps.model.is_gradient_checkpointing,
            processor=self.maps.processor(samples),
            dtype=self.maps.model.dtype,
        )
        each = (-1, *[1] * (gradient.dim() - 1))
        if self.settings.clip is not None:
            length = gradient.flatten(1).norm(dim=1).view(each)
            gradient = gradient * (self.settings.clip / length).clamp(max=1)
        fine = gradient.isfinite().flatten(1).all(1)
        self.finite[samples] &= fine
        gradient = gradient.where(fine.view(each), torch.zeros_like(gradient))
        state.keep(samples, losses, gradient, seen[0])

    def _descend(self, state: _State, samples: Tensor, size: float) -> None:
        gradient = state.gradient[state.places(samples)]
        moved = state.latents[samples] - size * gradient
        state.latents[samples] = moved.to(state.latents.dtype)

    def require_finite(self) -> None:
        """Raise if any sample's gradient was not finite in any step."""
        dtype = self.maps.model.dtype
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
