"""REVISION: repaint a guide image in which the objects already stand where the prompt says.

Source: arXiv 2408.02231 (agneet42/revision at c6335e9): image-to-image with strength 0.7. The
authors render their guides with Blender; here they come from a folder, or the lab's world draws
them, which is our reconstruction of that part. The layout is handed to the model, so its numbers
compete with no text-only method; tables mark them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...plugins import Ability, Json, Parameter
from ...plugins.deferred_method import DeferredMethod

NEEDS: Collection[Ability] = (Ability.NOISE_SCHEDULE,)

PARAMETERS: Mapping[str, Parameter] = {
    "guides": Parameter("lab", "a folder of guide images, or lab: drawn by the lab's world"),
    "strength": Parameter(0.7, "share of the steps that repaint the guide: 1 leaves little of it"),
}


def steps_made(steps: int, strength: float) -> int:
    """How many of the schedule's last steps repaint a guide; diffusers rounds them down."""
    return min(int(steps * strength), steps)


def _worth(generator: Json) -> float:
    """The share of the steps that is made."""
    steps = int(generator["steps"])
    return steps_made(steps, generator["parameters"]["strength"]) / steps


PLUGIN = DeferredMethod(
    "revision",
    "a guide image repainted, image to image (layout-conditioned)",
    PARAMETERS,
    f"{__name__}.generator",
    needs=NEEDS,
    worth=_worth,
)
