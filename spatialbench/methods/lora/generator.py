"""A backbone with a LoRA beside its weights, sampled like the plain backbone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ...backbones.sampling import Sampling, resolve_sampling
from ...errors import UserError
from ...plugins import GenerationSettings, Json
from ..stable_diffusion import StableDiffusion, read_stable_diffusion
from .adaptation import Adaptation, adapt_from_file
from .lora_file import LoraFile, find_lora
from .recipe import ESPLORA, recipe_of
from .settings import NEEDS, PARAMETERS

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

log = logging.getLogger(__name__)


class WithLora(StableDiffusion):
    """A backbone, its settings, and a LoRA with its scale.

    Args:
        name: the method's.
        marks: what its rows say of themselves.
    """

    def __init__(
        self,
        sampling: Sampling,
        parameters: Mapping[str, Any],
        lora: LoraFile,
        scale: float,
        name: str = "lora",
        marks: tuple[str, ...] = (),
    ) -> None:
        super().__init__(sampling, parameters)
        self.lora = lora
        self.scale = scale
        self._name = name
        self._marks = marks
        self._adaptation: Adaptation | None = None

    def identity(self) -> Json:
        """As :meth:`StableDiffusion.identity`, and the LoRA by the hash of its file."""
        plain = super().identity()
        return plain | {
            "method": self._name,
            "version": VERSION,
            "parameters": {"scale": self.scale, **plain["parameters"]},
            "lora": self.lora.named_identity(),
            **({"marks": list(self._marks)} if self._marks else {}),
        }

    def load(self) -> None:
        """Load the backbone and put the LoRA beside its weights.

        Raises:
            UserError: as :func:`~spatialbench.backbones.pipelines.load_pipeline`, or a LoRA that
                does not fit the backbone.
        """
        if self._adaptation is not None:
            return
        super().load()
        self._adaptation = adapt_from_file(self.pipe, self.lora, self.scale)
        log_adaptation(self._adaptation)


def log_adaptation(done: Adaptation) -> None:
    """Say how much of the backbone a LoRA changes."""
    log.info(
        "LoRA: %d matrices in place, %d of %d modules changed",
        done.tensors,
        done.changed,
        done.modules,
    )


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> WithLora:
    """Fix the settings; the LoRA's file is found (and downloaded) here, for its hash.

    Raises:
        UserError: no LoRA given or found, an unknown parameter, or a value out of range.
    """
    return _configured("lora", "", settings, parameters)


def configure_esplora(settings: GenerationSettings, parameters: Mapping[str, Any]) -> WithLora:
    """The same for a LoRA whose file says that it comes from the recipe of ``esplora train``.

    Every row is marked a reconstruction: the authors' LoRA was never released, so whatever is
    loaded is somebody's own.

    Raises:
        UserError: as :func:`configure`, or a LoRA of another origin.
    """
    own = (
        " (its authors released none); or train one with 'spatialbench esplora build-data' and "
        "'spatialbench esplora train'"
    )
    made = _configured("esplora", own, settings, parameters, ("reconstruction",))
    if recipe_of(made.lora) != ESPLORA:
        raise UserError(
            f"{made.lora.path} does not say that 'spatialbench esplora train' made it, whose "
            "recipe the method esplora stands for: run any other LoRA with --method lora, which "
            "takes the same parameters. (A file that version 0.1 trained is known by the "
            "training.json beside it.)"
        )
    return made


def _configured(
    name: str,
    own: str,
    settings: GenerationSettings,
    parameters: Mapping[str, Any],
    marks: tuple[str, ...] = (),
) -> WithLora:
    sampling = resolve_sampling(
        settings, needs=NEEDS, why="its weights change a UNet's or FLUX's layers"
    )
    values = read_stable_diffusion(name, PARAMETERS, parameters, sampling)
    where, file, scale = values.pop("lora"), values.pop("file"), values.pop("scale")
    if not where:
        raise UserError(
            f"{name} needs a LoRA: give --set lora=FILE.safetensors, a folder, or "
            f"org/name@commit{own}."
        )
    lora = find_lora(str(where), str(file), offline=settings.offline)
    return WithLora(sampling, values, lora, scale, name, marks)
