"""What guiding a UNet and guiding a transformer share, during one call of a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...backbones.families import Pipeline
from ...guidance.finite_gradients import finite_sum, require_finite_gradients
from ...guidance.pairs import Pairs
from ...prompts import Prompt
from .geometry import MapReader
from .gradient import GuidedPrediction
from .loss import SpatialLoss
from .placement import Placement, placed_relations
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


class Guide:
    """The denoiser's forward method during one pipeline call.

    Args:
        model: the pipeline's denoiser.
        steps: the ``num_inference_steps`` of the call.
        observer: is told of every guided evaluation.
        coarse: of each tapped layer, whether presence acts on it; see :class:`SpatialLoss`, also
            for ``both``.
        native: see :class:`MapReader`.
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
    ) -> None:
        import torch

        self.pipe = pipe
        self.model = model
        self.own_forward = model.forward
        self.prompts = prompts
        self.settings = settings
        self.steps = steps
        self.observer = observer
        self.calls = 0
        device, wide = model.device, torch.promote_types(model.dtype, torch.float32)
        released = settings.variant.released
        placed = [
            placed_relations(p, settings.near, released=released, relations=settings.relations)
            for p in prompts
        ]
        self.pairs = Pairs([len(each) for each in placed], device)
        placement = Placement.of([one for each in placed for one in each], device, wide)
        self.loss = SpatialLoss(settings, placement, coarse, device, wide, both=both)
        self.reader = MapReader(settings.threshold, guard=not released, native=native)
        self.finite = torch.ones(len(prompts), dtype=torch.bool, device=device)

    def losses(self, maps: Sequence[Tensor], shapes: Sequence[tuple[int, int]]) -> Tensor:
        """(batch,): the mean loss over each sample's relations.

        Args:
            maps: one per layer, (batch, objects, pixels), the objects as :class:`Pairs` has them.
            shapes: rows and columns of each layer's maps.
        """
        moments = self.reader([self.pairs.of(one) for one in maps], shapes)
        return self.pairs.mean(self.loss(moments))

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
