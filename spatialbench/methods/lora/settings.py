"""The parameters of the method."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ...plugins import Ability, Parameter
from ..stable_diffusion import PARAMETERS as PLAIN

NEEDS: Collection[Ability] = (Ability.KNOWN_LAYERS,)

PARAMETERS: Mapping[str, Parameter] = {
    "lora": Parameter("", "the LoRA: a .safetensors file, a folder, or org/name@commit"),
    "file": Parameter("", "which file of a folder or repository that holds several"),
    "scale": Parameter(1.0, "how much of it: 0 none, 1 as trained"),
    **PLAIN,
}
