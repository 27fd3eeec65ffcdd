"""The settings of one sampling run, checked against the backbone it runs on."""

from __future__ import annotations

import math
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..errors import UserError, unknown_name
from ..plugins import Ability, GenerationSettings, load, names
from ..plugins.kernels import STOCK, Kernels
from ..plugins.requirements import Requirement, required
from ..prompt_transforms import NONE, transform_of
from ..weights.devices import DTYPES, require_dtype
from .accelerated import require_compiler
from .architecture import Architecture
from .checkpoint import Checkpoint
from .families import AnyPipelineFamily, Family
from .named import resolve
from .schedulers import OWN, SchedulerChoice, choose

ACTS_ON_A_UNET = "it acts on the attention of Stable Diffusion's UNet"
"""Why most methods do not run on a transformer."""
ACTS_ON_ATTENTION = "it acts on the attention of Stable Diffusion, SD3 and FLUX"
"""Why those that do run on some run on no other class."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Checked settings with the backbone's defaults filled in.

    ``guidance_scale`` 1 is none; for a FLUX model that takes none it is 0. ``width`` and ``height``
    are pixels, None the checkpoint's own. ``device``, ``offline`` and ``kernels`` decide no pixel,
    the last but for its rounding.
    """

    backbone: Checkpoint
    scheduler: SchedulerChoice
    steps: int
    guidance_scale: float
    width: int | None
    height: int | None
    dtype: str
    prompt_transform: str
    device: str
    offline: bool
    kernels: Kernels = STOCK

    @property
    def family(self) -> Family:
        """What kind of model the backbone is."""
        return self.backbone.family

    @property
    def architecture(self) -> Architecture:
        """What the checkpoint is; see ``Backbone.architecture``.

        Raises:
            UserError: a repository that is not here and cannot be asked.
        """
        return self.backbone.architecture(offline=self.offline)

    @property
    def guided(self) -> bool:
        """Whether classifier-free guidance is on, by the rule diffusers uses.

        Never for FLUX: its guidance is a number that the model is told.
        """
        return self.guidance_scale > self.family.unguided and not self.family.told_guidance

    @property
    def text_length(self) -> int | None:
        """How many tokens of T5 a transformer reads; see ``Defaults``."""
        return self.backbone.defaults.text_length

    def download(self) -> None:
        """Get what is missing of the backbone, unless offline."""
        self.backbone.weights.locate(offline=self.offline)

    def requirements(self) -> list[Requirement]:
        """The backbone's files and its numbers' type; see ``spatialbench.plugins.requirements``."""
        weights = self.backbone.weights
        kind = f"{self.dtype} on {self.device}"
        return [
            weights.requirement(f"the weights of {weights.fetched_as}", offline=self.offline),
            required(kind, lambda: require_dtype(self.dtype, self.device)),
            *(
                [required("a compiler", lambda: require_compiler(self.device))]
                if self.kernels.compile
                else []
            ),
        ]

    def asked(self) -> dict[str, Any]:
        """What was asked of any model, as the identity has it; plain JSON."""
        return {
            "steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "width": self.width,
            "height": self.height,
            "dtype": self.dtype,
            "prompt_transform": self.prompt_transform,
        }

    def identity(self) -> dict[str, Any]:
        """Everything here that decides the pixels; plain JSON. No model is loaded.

        Raises:
            UserError: a backbone folder that is missing or holds no model.
        """
        return {
            "backbone": self.backbone.identity(),
            "scheduler": self.scheduler.identity(),
            **self.asked(),
            **({"text_length": self.text_length} if self.family.flow else {}),
        }


def resolve_sampling(
    settings: GenerationSettings,
    *,
    needs: Collection[Ability] = (Ability.CROSS_ATTENTION,),
    why: str = ACTS_ON_A_UNET,
    backbone: Checkpoint | None = None,
) -> Sampling:
    """Check what the user asked for and fill in the backbone's defaults.

    Args:
        needs: see ``plugins.MethodPlugin``.
        why: why the method does not run on a backbone that has none of them.
        backbone: what the settings are for, where they do not name it.

    Raises:
        UserError: an unknown backbone, scheduler, dtype or prompt transform (near matches
            listed), a number out of range, or settings or a method that the backbone cannot take.
    """
    backbone = backbone or resolve(settings.backbone, offline=settings.offline)
    defaults = backbone.defaults
    family = backbone.family
    if not _runs_on(needs, family):
        raise UserError(
            f"this method does not run on {settings.backbone}, {family.article} {family.called} "
            f"model: {why}. Give another --backbone; on {family.called} run "
            f"{_methods_on(family)}."
        )
    steps = defaults.steps if settings.steps is None else settings.steps
    if steps < 1:
        raise UserError(f"--steps {steps} is too few: give 1 or more (default {defaults.steps}).")
    if settings.dtype not in DTYPES:
        raise unknown_name("dtype", settings.dtype, DTYPES)
    transform = settings.prompt_transform or NONE
    if transform != NONE:
        # A method that took it for done would be sent the original prompts under TORE's name.
        raise UserError(
            f"a method does not rewrite prompts itself: wrap it, as in with_transform(generator, "
            f"{transform_of(transform).name!r}) of spatialbench.prompt_transforms."
        )
    return Sampling(
        backbone=backbone,
        scheduler=_scheduler(settings.scheduler or defaults.scheduler, backbone),
        steps=steps,
        guidance_scale=_guidance(settings.guidance_scale, backbone),
        width=_side("width", settings.width, defaults.width, family.side_unit),
        height=_side("height", settings.height, defaults.height, family.side_unit),
        dtype=settings.dtype,
        prompt_transform=transform,
        device=settings.device,
        offline=settings.offline,
        kernels=settings.kernels,
    )


def _runs_on(needs: Collection[Ability], family: Family) -> bool:
    return not needs or bool(family.abilities.intersection(needs))


@lru_cache
def _methods_on(family: Family) -> str:
    """The installed methods that run on a family, for messages."""
    found = []
    for name in names("method"):
        with suppress(UserError):
            if _runs_on(load("method", name).needs, family):
                found.append(name)
    return ", ".join(found[:-1]) + (" and " if found[1:] else "") + "".join(found[-1:])


def _scheduler(name: str, backbone: Checkpoint) -> SchedulerChoice:
    choice = choose(name)
    if isinstance(backbone.family, AnyPipelineFamily) and choice.name != OWN:
        raise UserError(
            f"--scheduler {name} is for Stable Diffusion and SDXL; a {backbone.family.called} is "
            "run with the scheduler in its checkpoint: leave --scheduler out."
        )
    if backbone.family.flow and choice.name != OWN:
        raise UserError(
            f"--scheduler {name} is for models that predict noise or velocity; "
            f"{backbone.family.called} follows a flow from noise to image with the scheduler in "
            "its checkpoint: leave --scheduler out."
        )
    return choice


def _guidance(asked: float | None, backbone: Checkpoint) -> float:
    default = backbone.defaults.guidance_scale
    scale = default if asked is None else float(asked)
    if backbone.family.told_guidance and default == 0:
        if scale != 0:
            raise UserError(
                f"--guidance-scale {scale:g} means nothing to {backbone.name}, which was distilled "
                "to need no guidance: leave --guidance-scale out."
            )
        return 0.0
    unguided = backbone.family.unguided
    if not math.isfinite(scale) or scale < 0 or 0 < scale < unguided:
        raise UserError(
            f"--guidance-scale {scale:g} is out of range: give more than {unguided:g}, or 0 for no "
            f"guidance (default {default:g})."
        )
    return max(scale, unguided)


def _side(name: str, asked: int | None, default: int | None, unit: int) -> int | None:
    side = default if asked is None else asked
    if side is not None and (side < unit or side % unit):
        raise UserError(
            f"--{name} {side} is not an image size here: give a positive multiple of {unit} "
            f"pixels{f' (default {default})' if default else ''}."
        )
    return side
