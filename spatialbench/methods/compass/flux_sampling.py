"""How CoMPaSS's authors sample FLUX.1-dev, which is not how diffusers does.

Source: blurgyy/CoMPaSS at 4b51c28, its README's call and the XLabs pipeline under it: 512x512, 50
steps, guidance 4, classifier-free guidance of 3 against an empty prompt from the first step, and
the schedule shifted as for a sequence of 16 patches, where an image of that size has 1,024.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...backbones.checkpoint import Checkpoint
from ...errors import UserError
from ...plugins import GenerationSettings, Parameter

STEPS, GUIDANCE_SCALE = 50, 4.0

PARAMETERS: Mapping[str, Parameter] = {
    "true_cfg": Parameter(3.0, "on FLUX: guidance against the negative prompt; 1 is none"),
    "shift_length": Parameter(
        16, "on FLUX: length of sequence the schedule is shifted for; 0 is the image's own"
    ),
}


@dataclass(frozen=True, slots=True)
class FluxSampling:
    """Checked values of ``PARAMETERS``."""

    true_cfg: float
    shift_length: int

    @property
    def guided(self) -> bool:
        """Whether the negative prompt counts, by the rule diffusers uses."""
        return self.true_cfg > 1

    def identity(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"true_cfg": self.true_cfg, "shift_length": self.shift_length}

    def shift(self, scheduler: Any) -> Any:
        """The scheduler, shifted for this length whatever the image's size."""
        if not self.shift_length:
            return scheduler
        mu = shift_of(self.shift_length, scheduler.config)
        # diffusers draws a line through both; a level one has the same value everywhere.
        return scheduler.from_config(scheduler.config, base_shift=mu, max_shift=mu)


def shift_of(length: int, config: Mapping[str, Any]) -> float:
    """diffusers' ``mu`` for a sequence of this length: 0.459 for 16 under FLUX's configuration."""
    shortest, longest = config["base_image_seq_len"], config["max_image_seq_len"]
    low, high = config["base_shift"], config["max_shift"]
    return float(low + (high - low) * (length - shortest) / (longest - shortest))


def is_guided_flux(backbone: Checkpoint) -> bool:
    """Whether it is FLUX.1-dev's kind, which is told how much guidance to imitate."""
    return backbone.family.told_guidance and backbone.defaults.guidance_scale > 0


def with_authors_defaults(settings: GenerationSettings) -> GenerationSettings:
    """The settings with the authors' steps and guidance where the user gave none."""
    scale = settings.guidance_scale
    return replace(
        settings,
        steps=STEPS if settings.steps is None else settings.steps,
        guidance_scale=GUIDANCE_SCALE if scale is None else scale,
    )


def take_flux_sampling(
    method: str, values: dict[str, Any], given: Mapping[str, Any], backbone: Checkpoint
) -> FluxSampling | None:
    """The values of ``PARAMETERS``, taken out of ``values``; None on other backbones.

    Raises:
        UserError: a value out of range, or one given on a backbone that it does not act on.
    """
    true_cfg, length = values.pop("true_cfg"), values.pop("shift_length")
    if not is_guided_flux(backbone):
        for key in PARAMETERS:
            if key in given:
                raise UserError(
                    f"{key} is for {method} on FLUX.1-dev and has no effect on {backbone.name}: "
                    "leave it out."
                )
        return None
    if not math.isfinite(true_cfg) or true_cfg < 1:
        raise UserError(f"true_cfg={true_cfg:g} is out of range: give 1 for none, or more.")
    if length < 0:
        raise UserError(f"shift_length={length} is out of range: give 0 or more.")
    return FluxSampling(true_cfg, length)
