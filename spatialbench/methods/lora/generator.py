"""A backbone with a LoRA beside its weights, sampled like the plain backbone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ...backbones.families import AnyPipelineFamily, Pipeline
from ...backbones.sampling import Sampling, resolve_sampling
from ...errors import UserError
from ...plugins import Ability, GenerationSettings, Json
from ...plugins.parameters import read_parameters
from ..any_pipeline import AnyPipeline
from ..stable_diffusion import PARAMETERS as PLAIN
from ..stable_diffusion import StableDiffusion, read_stable_diffusion
from .adaptation import Adaptation, adapt_any_pipeline, adapt_from_file
from .lora_file import LoraFile, find_lora
from .recipe import ESPLORA, recipe_of
from .settings import ANY_PARAMETERS, LORA_PARAMETERS, NEEDS, PARAMETERS

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


class WithLoraOnAnyPipeline(AnyPipeline):
    """The same on a pipeline of any class, which is called as it is.

    Args:
        given: the parameters of the method but for those of the LoRA.
        scaled: whether the user gave a guidance scale.
    """

    def __init__(
        self,
        sampling: Sampling,
        given: Mapping[str, Any],
        lora: LoraFile,
        scale: float,
        *,
        scaled: bool,
    ) -> None:
        super().__init__("lora", sampling, given, scaled=scaled)
        self.lora = lora
        self.scale = scale

    def identity(self) -> Json:
        """As :meth:`AnyPipeline.identity`, and the LoRA by the hash of its file."""
        plain = super().identity()
        return plain | {
            "version": VERSION,
            "parameters": {"scale": self.scale, **plain["parameters"]},
            "lora": self.lora.named_identity(),
        }

    def prepared(self) -> Pipeline:
        """The pipeline with the LoRA beside its weights.

        Raises:
            UserError: as :meth:`AnyPipeline.prepared`, or a LoRA that does not fit.
        """
        pipe = super().prepared()
        log_adaptation(adapt_any_pipeline(pipe, self.lora, self.scale))
        return pipe


def log_adaptation(done: Adaptation) -> None:
    """Say how much of the backbone a LoRA changes."""
    log.info(
        "LoRA: %d matrices in place, %d of %d modules changed",
        done.tensors,
        done.changed,
        done.modules,
    )


def configure(
    settings: GenerationSettings, parameters: Mapping[str, Any]
) -> WithLora | WithLoraOnAnyPipeline:
    """Fix the settings; the LoRA's file is found (and downloaded) here, for its hash.

    Raises:
        UserError: no LoRA given or found, an unknown parameter, or a value out of range.
    """
    sampling = resolve_sampling(settings, needs=())
    if Ability.KNOWN_LAYERS in sampling.family.abilities:
        return _configured("lora", "", settings, parameters)
    values = read_parameters("lora", ANY_PARAMETERS, parameters)
    lora = _lora_of("lora", "", values, settings.offline)
    rest = {key: value for key, value in parameters.items() if key not in LORA_PARAMETERS}
    if isinstance(sampling.family, AnyPipelineFamily):
        scaled = settings.guidance_scale is not None
        return WithLoraOnAnyPipeline(sampling, rest, lora, values["scale"], scaled=scaled)
    plain = read_stable_diffusion("lora", PLAIN, rest, sampling)
    return WithLora(sampling, plain, lora, values["scale"])


def _lora_of(name: str, own: str, values: Mapping[str, Any], offline: bool) -> LoraFile:
    if not values["lora"]:
        raise UserError(
            f"{name} needs a LoRA: give --set lora=FILE.safetensors, a folder, or "
            f"org/name@commit{own}."
        )
    return find_lora(str(values["lora"]), str(values["file"]), offline=offline)


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
    lora = _lora_of(name, own, values, settings.offline)
    plain = {key: value for key, value in values.items() if key not in LORA_PARAMETERS}
    return WithLora(sampling, plain, lora, values["scale"], name, marks)
