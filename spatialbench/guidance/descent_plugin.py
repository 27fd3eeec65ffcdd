"""What the entry points of the methods that descend on the latents share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..backbones.architecture import Architecture
from ..plugins import GenerationSettings

if TYPE_CHECKING:
    from .descent_generator import DescentGenerator, DescentMethod


class DescentPlugin:
    """An entry point that is a ``DescentMethod``; see there for what a method adds."""

    __slots__ = ()

    per_architecture: ClassVar[Mapping[Architecture, Mapping[str, Any]]]
    """Parameters that a kind of backbone wants otherwise than the defaults."""

    def inherited(self, architecture: Architecture) -> Mapping[str, Any]:
        """What a kind of backbone wants otherwise than the defaults."""
        return self.per_architecture.get(architecture, {})

    def configure(
        self: DescentMethod, settings: GenerationSettings, parameters: Mapping[str, Any]
    ) -> DescentGenerator:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter or a value out of range.
        """
        from .descent_generator import configure

        return configure(self, settings, parameters)
