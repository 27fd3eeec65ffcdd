"""The parameters of the method."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...backbones.call_arguments import CALL_PARAMETERS
from ...plugins import Ability, Parameter
from ..stable_diffusion import PARAMETERS as PLAIN

NEEDS: Collection[Ability] = (Ability.KNOWN_LAYERS,)

LORA_PARAMETERS: Mapping[str, Parameter] = {
    "lora": Parameter("", "the LoRA: a .safetensors file, a folder, or org/name@commit"),
    "file": Parameter("", "which file of a folder or repository that holds several"),
    "scale": Parameter(1.0, "how much of it: 0 none, 1 as trained"),
}
PARAMETERS: Mapping[str, Parameter] = {**LORA_PARAMETERS, **PLAIN}
ANY_PARAMETERS: Mapping[str, Parameter] = {**PARAMETERS, **CALL_PARAMETERS}
"""Those of ``lora``, which runs on pipelines of any class too."""
