"""ESPLoRA: a LoRA trained on pictures whose relations were checked (arXiv 2504.13745).

The authors released neither code nor weights nor data. This is a loader for any LoRA, ESPLoRA's
kind among them; :mod:`spatialbench.finetuning` reconstructs how theirs was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, Parameter
from .settings import PARAMETERS

if TYPE_CHECKING:
    from .generator import Esplora


@dataclass(frozen=True, slots=True)
class EsploraPlugin:
    """The entry point ``esplora``."""

    name: str = "esplora"
    summary: str = "a backbone with any LoRA; ESPLoRA's own is unreleased (reconstruction)"

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes: the LoRA, its scale, and what ``sd`` takes."""
        return PARAMETERS

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Esplora:
        """Fix the settings.

        Raises:
            UserError: no LoRA given or found, an unknown parameter, or a value out of range.
        """
        from .generator import configure

        return configure(settings, parameters)


PLUGIN = EsploraPlugin()
