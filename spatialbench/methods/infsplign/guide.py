"""What guiding a UNet and guiding a transformer share, during one call of a pipeline."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline
from ...guidance.course import Course
from ...guidance.finite_gradients import finite_sum, require_finite_gradients
from ...guidance.pairs import Pairs
from ...prompts import Prompt
from .geometry import MapReader, Moments
from .gradient import GuidedPrediction, differentiated
from .loss import SpatialLoss
from .placement import Placement, placed_relations
from .settings import GuidanceSettings
from .turns import SATISFIED, Turns

if TYPE_CHECKING:
    from torch import Tensor

    from ...guidance.taps import Recorder

Rows = Any
"""Rows of a batch: a slice, or a tensor of row numbers."""


@dataclass(frozen=True, slots=True)
class GuidedStep:
    """What an observer sees of a guided evaluation.

    Attributes:
        call: number of the model evaluation, from 0.
        timestep: of the scheduler, a tensor of no dimension.
        latents: (batch, channels, h, w), as given to the model.
        prediction: the conditional output, losses and gradients; of a sample that was not guided
            the loss is NaN and the gradient zero.
    """

    call: int
    timestep: Tensor
    latents: Tensor
    prediction: GuidedPrediction


Observer = Callable[[GuidedStep], None]


@dataclass(frozen=True, slots=True)
class Aim:
    """What the maps of some samples are to become."""

    pairs: Pairs
    loss: SpatialLoss

    def losses(self, moments: Moments) -> Tensor:
        """(samples,): the mean loss over each sample's relations."""
        return self.pairs.mean(self.loss(moments))

    def by_layer(self, moments: Moments) -> Tensor:
        """(layers, samples): the same of each layer."""
        import torch

        return torch.stack([self.pairs.mean(one) for one in self.loss.by_layer(moments)])

    def displacements(self, moments: Moments) -> list[float]:
        """Of each sample that of its relation which lies worst; minus infinity for one without."""
        table = self.pairs.by_sample(self.loss.displacement(moments), float("inf"))
        worst = table.amin(1)
        return [float("-inf") if one == float("inf") else one for one in worst.tolist()]


class Guide(ABC):
    """The denoiser's forward method during one pipeline call.

    Args:
        model: the pipeline's denoiser.
        steps: the ``num_inference_steps`` of the call.
        observer: is told of every guided evaluation.
        coarse: of each tapped layer, whether presence acts on it; see :class:`SpatialLoss`, also
            for ``both``.
        native: see :class:`MapReader`.
        layers: what each row of losses is called.

    Attributes:
        course: where losses are noted by layer and step; None where nobody asked.
        step_at_hand: its number.
    """

    def __init__(
        self,
        pipe: Pipeline,
        model: Any,
        prompts: Sequence[Prompt],
        settings: GuidanceSettings,
        steps: int,
        observer: Observer | None,
        coarse: tuple[bool, ...],
        *,
        both: bool = False,
        native: bool = False,
        layers: Sequence[str] = (),
    ) -> None:
        import torch

        self.pipe = pipe
        self.model = model
        self.own_forward = model.forward
        self.prompts = prompts
        self.settings = settings
        self.steps = steps
        self.observer = observer
        self.calls = self.step_at_hand = 0
        self.layers = tuple(layers)
        self.course: Course | None = None
        self.device = model.device
        self.wide = torch.promote_types(model.dtype, torch.float32)
        released = settings.variant.released
        self.placed = [placed_relations(p, settings.near, released=released) for p in prompts]
        self.coarse, self.both = coarse, both
        self.whole = self.aim(range(len(prompts)))
        self.reader = MapReader(settings.threshold, guard=not released, native=native)
        self.finite = torch.ones(len(prompts), dtype=torch.bool, device=self.device)
        self.turns: Turns | None = None
        if settings.until == SATISFIED:
            self.turns = Turns(len(prompts), settings.margin, settings.hysteresis)

    def aim(self, samples: Sequence[int]) -> Aim:
        """Of some samples of the batch, by their numbers."""
        placed = [self.placed[sample] for sample in samples]
        pairs = Pairs([len(each) for each in placed], self.device)
        placement = Placement.of([one for each in placed for one in each], self.device, self.wide)
        loss = SpatialLoss(
            self.settings, placement, self.coarse, self.device, self.wide, both=self.both
        )
        return Aim(pairs, loss)

    @abstractmethod
    def taps(self, rows: Rows, skip: int) -> AbstractContextManager[Recorder]:
        """Inside, the maps of these samples are recorded: (samples, objects, pixels) a layer.

        Args:
            skip: rows of the batch, from the first, that are none of the samples.
        """

    @abstractmethod
    def moments(self, aim: Aim, maps: Sequence[Tensor], latents: Tensor) -> Moments:
        """Of the maps of some samples, whose latents these are."""

    def answered(
        self, latents: Tensor, evaluate: Callable[[Tensor, Rows], Tensor]
    ) -> tuple[Tensor, GuidedPrediction]:
        """Guidance's other half of the answer, and every sample's own with its gradient.

        Samples whose turn it is not are evaluated together with the other half, and only looked at.

        Args:
            latents: (n, ...), the other half first, as the model is given them.
            evaluate: the model's answer for latents that are these rows of what it was asked.
        """
        import torch

        plain = self.unconditional(latents)
        count = len(self.prompts)
        rows = tuple(range(count)) if self.turns is None else self.turns.begin()
        if len(rows) == count:
            with torch.no_grad():
                other = evaluate(latents[:plain], slice(0, plain)) if plain else latents[:0]
            return other, self._differentiated(latents, plain, evaluate, slice(None), rows)
        resting = torch.tensor([row for row in range(count) if row not in rows], device=self.device)
        free = torch.cat([torch.arange(plain, device=self.device), resting + plain])
        with torch.no_grad(), self.taps(resting, plain) as recorder:
            loose = evaluate(latents[free], free)
            self._see(resting.tolist(), recorder.maps(), latents[resting + plain])
        output = loose.new_empty(count, *loose.shape[1:])
        output[resting] = loose[plain:]
        loss = torch.full((count,), float("nan"), dtype=self.wide, device=self.device)
        gradient = torch.zeros_like(output, dtype=self.wide)
        if rows:
            guided = torch.tensor(rows, device=self.device)
            found = self._differentiated(latents, plain, evaluate, guided, rows)
            output[guided], gradient[guided] = found.output, found.gradient
            loss[guided] = found.loss.to(loss.dtype)
        return loose[:plain], GuidedPrediction(output, loss, gradient)

    def _differentiated(
        self,
        latents: Tensor,
        plain: int,
        evaluate: Callable[[Tensor, Rows], Tensor],
        samples: Rows,
        numbers: tuple[int, ...],
    ) -> GuidedPrediction:
        every = isinstance(samples, slice)
        own = slice(plain, None) if every else samples + plain
        aim = self.whole if every else self.aim(numbers)

        def losses(maps: list[Tensor]) -> Tensor:
            moments = self.moments(aim, maps, latents[own])
            if self.turns is not None:
                self.turns.see(numbers, aim.displacements(moments))
            if self.course is not None:
                self.course.see(self.step_at_hand, numbers, aim.by_layer(moments))
            return aim.losses(moments)

        return differentiated(
            lambda z: evaluate(z, own), latents[own], self.taps(samples, 0), losses
        )

    def _see(self, numbers: list[int], maps: list[Tensor], latents: Tensor) -> None:
        assert self.turns is not None
        aim = self.aim(numbers)
        self.turns.see(numbers, aim.displacements(self.moments(aim, maps, latents)))

    def record(self) -> None:
        """From now on note the losses by layer and step."""
        self.course = Course(self.layers, len(self.prompts))

    def costs(self) -> list[Mapping[str, float]]:
        """What each sample took so far; nothing where all are guided alike."""
        return [] if self.turns is None else self.turns.costs()

    def unconditional(self, latents: Tensor) -> int:
        """How many of these latents, from the first, are guidance's other half."""
        batch = len(self.prompts)
        plain = len(latents) - batch
        if plain not in (0, batch):
            raise ValueError(f"{len(latents)} latents for {batch} prompts")
        return plain

    def observe(
        self, call: int, timestep: Tensor, latents: Tensor, prediction: GuidedPrediction
    ) -> None:
        """Tell the observer, if there is one."""
        if self.observer is not None:
            self.observer(GuidedStep(call, timestep, latents, prediction))

    def added(self, output: Tensor, change: Tensor) -> Tensor:
        """The output with a change; a sample whose change is not finite stays, and is noted."""
        moved, fine = finite_sum(output, change)
        self.finite &= fine
        return moved

    def require_finite(self) -> None:
        """Raise if any sample's gradient overflowed in any step."""
        require_finite_gradients("infsplign", self.finite, self.prompts, self.model.dtype, "weight")
