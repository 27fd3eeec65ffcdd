"""REVISION: repaint a guide picture in which the objects already stand where the prompt says.

Source: arXiv 2408.02231 (agneet42/revision at c6335e9): image-to-image with strength 0.7. The
authors render their guides with Blender; here they come from a folder, or the lab's world draws
them, which is our reconstruction of that part. The layout is handed to the model, so its numbers
compete with no text-only method; tables mark them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, Parameter

if TYPE_CHECKING:
    from .generator import Revision

PARAMETERS: Mapping[str, Parameter] = {
    "guides": Parameter("lab", "a folder of guide pictures, or lab: drawn by the lab's world"),
    "strength": Parameter(0.7, "share of the steps that repaint the guide: 1 leaves little of it"),
}


@dataclass(frozen=True, slots=True)
class RevisionPlugin:
    """The entry point ``revision``."""

    name: str = "revision"
    summary: str = "a guide picture repainted, image to image (layout-conditioned)"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes."""
        return PARAMETERS

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Revision:
        """Fix the settings.

        Raises:
            UserError: a folder of guides that is not there, an unknown parameter, or a value out
                of range.
        """
        from .generator import configure

        return configure(settings, parameters)


PLUGIN = RevisionPlugin()
