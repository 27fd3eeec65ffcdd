"""SPRIGHT: a Stable Diffusion 2.1 fine-tuned on captions that say where things are.

Source: arXiv 2404.01197; ``SPRIGHT-T2I/spright-t2i-sd2``. UNet and text encoder were both trained,
so the checkpoint is a backbone of its own and is loaded whole: its UNet under another text encoder
would be neither model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..backbones.registry import BACKBONES
from ..backbones.sampling import resolve_sampling
from ..errors import UserError
from ..plugins import Ability, GenerationSettings, Json, MethodPlugin
from .stable_diffusion import PARAMETERS, StableDiffusion, read_stable_diffusion

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

REPOSITORY = "SPRIGHT-T2I/spright-t2i-sd2"


class Spright(StableDiffusion):
    """The checkpoint, sampled like any Stable Diffusion."""

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, under the method's own name."""
        return super().identity() | {"method": PLUGIN.name, "version": VERSION}


class SprightPlugin(MethodPlugin):
    """The entry point ``spright``."""

    name = "spright"
    summary = "SPRIGHT's fine-tuned SD 2.1, UNet and text encoder, loaded whole"
    parameters = PARAMETERS
    needs = (Ability.CROSS_ATTENTION,)

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Spright:
        """Fix the settings.

        Raises:
            UserError: another backbone than the checkpoint, an unknown parameter, or a value out
                of range.
        """
        given = settings.backbone
        local = given not in BACKBONES and Path(given).expanduser().is_dir()
        if not local and given.partition("@")[0] != REPOSITORY:
            raise UserError(
                f"spright is a whole checkpoint, so it does not run on the backbone {given!r}: "
                f"give --backbone {REPOSITORY}, with @<40-hex commit> (from "
                f"https://huggingface.co/{REPOSITORY}/commits) for another than its newest "
                "commit, or the folder of a copy of it."
            )
        sampling = resolve_sampling(
            settings, needs=self.needs, why="it is one checkpoint, a Stable Diffusion 2.1"
        )
        values = read_stable_diffusion(self.name, PARAMETERS, parameters, sampling)
        return Spright(sampling, values)


PLUGIN: MethodPlugin = SprightPlugin()
