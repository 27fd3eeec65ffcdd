"""InfSplign: steer two objects to their places by the loss of their cross-attention maps.

Source: Chatalbasheva, MSc thesis, TU Delft, June 2025; arXiv 2512.17851; the authors' code
(vladi2002/InfSplign- at 011f3398), whose defects are kept out unless ``compat=official``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, Parameter
from .settings import PARAMETERS

if TYPE_CHECKING:
    from .generator import InfSplign


@dataclass(frozen=True, slots=True)
class InfSplignPlugin:
    """The entry point ``infsplign``."""

    name: str = "infsplign"
    summary: str = "gradient guidance by the objects' attention maps (InfSplign)"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes; the defaults are those of the preset ``sweep``."""
        return PARAMETERS

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> InfSplign:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, or values that contradict.
        """
        from .generator import configure

        return configure(settings, parameters)


PLUGIN = InfSplignPlugin()
