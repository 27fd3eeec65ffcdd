"""CoMPaSS: a model fine-tuned on spatially accurate pairs, with the words' order at inference.

Source: arXiv 2412.13195; blurgyy/CoMPaSS at 4b51c28. Three methods, so that no row is mistaken for
another: ``compass`` is the weights and TENOR, which is the method; ``compass-without-tenor`` is the
weights alone, the authors' ablation "+SCOP"; ``tenor`` is TENOR alone, on a backbone that was never
trained for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...plugins import Ability, GenerationSettings, Json, MethodPlugin, Parameter
from ..stable_diffusion import PARAMETERS as PLAIN
from .flux_sampling import PARAMETERS as FLUX

if TYPE_CHECKING:
    from .generator import Compass

WEIGHTS: Mapping[str, Parameter] = {
    "unet": Parameter("", "the fine-tuned UNet: a folder, or org/name@commit"),
    "subfolder": Parameter("", "which folder of it, where it holds several UNets"),
    "lora": Parameter("", "on FLUX: the LoRA, a .safetensors file, a folder, or org/name@commit"),
    "file": Parameter("", "which file of it, where it holds several LoRAs"),
}


@dataclass(frozen=True, slots=True)
class CompassPlugin(MethodPlugin):
    """The entry points ``compass``, ``compass-without-tenor`` and ``tenor``."""

    name: str
    summary: str
    weights: bool
    tenor: bool
    needs: Collection[Ability] = field(default=(Ability.KNOWN_LAYERS,), init=False)

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """What ``--set`` takes."""
        return {**WEIGHTS, **PLAIN, **FLUX} if self.weights else PLAIN

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Compass:
        """Fix the settings.

        Raises:
            UserError: no weights given or found, an unknown parameter, or a value out of range.
        """
        from .generator import configure

        return configure(self, settings, parameters)

    def steps_worth(self, generator: Json) -> float:
        """Two where FLUX, which is told its guidance, is also led away from a prompt."""
        return 2.0 if generator["parameters"].get("true_cfg", 1.0) > 1 else 1.0


COMPASS = CompassPlugin(
    "compass", "CoMPaSS: its fine-tuned UNet, or LoRA for FLUX, with TENOR", True, True
)
WITHOUT_TENOR = CompassPlugin(
    "compass-without-tenor", "CoMPaSS's fine-tuned weights alone: the ablation +SCOP", True, False
)
TENOR = CompassPlugin("tenor", "CoMPaSS's TENOR alone, on an untrained backbone", False, True)
