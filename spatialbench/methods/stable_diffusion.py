"""The plain method: the stock pipeline, one seeded generator an image, on any backbone."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..backbones.call_arguments import CALL_PARAMETERS
from ..backbones.families import AnyPipelineFamily, Family, Pipeline
from ..backbones.pipeline_generator import PipelineGenerator, prepared_pipeline
from ..backbones.prompt_embeddings import PromptEncoder
from ..backbones.sampling import Sampling, resolve_sampling
from ..errors import UserError
from ..plugins import GenerationSettings, Json, Method, MethodPlugin, Parameter
from ..plugins.parameters import read_parameters
from .any_pipeline import AnyPipeline

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

PARAMETERS: Mapping[str, Parameter] = {
    "negative_prompt": Parameter("", "what guidance leads away from; empty for the usual none"),
    "eta": Parameter(0.0, "share of fresh noise a DDIM step adds: 0 none, 1 as much as DDPM"),
}


class StableDiffusion(PipelineGenerator):
    """A backbone with its settings, sampled by its own diffusers pipeline."""

    def __init__(self, sampling: Sampling, parameters: Mapping[str, Any]) -> None:
        super().__init__(sampling)
        self.parameters = dict(parameters)

    def identity(self) -> Json:
        """Method, version, parameters and everything :meth:`Sampling.identity` names."""
        return {
            "method": PLUGIN.name,
            "version": VERSION,
            "parameters": dict(self.parameters),
            **self.sampling.identity(),
        }

    def prepared(self) -> tuple[Pipeline, PromptEncoder]:
        """The pipeline with :meth:`replaced_parts`, and an encoder with the negative prompt."""
        negative = self.parameters.get("negative_prompt") or None
        return prepared_pipeline(self.sampling, negative, self.replaced_parts())

    def replaced_parts(self) -> Mapping[str, Path]:
        """Folders of models that take the place of the backbone's, by part: none here."""
        return {}

    def options(self) -> dict[str, Any]:
        """``eta``; a transformer's pipeline has none."""
        return {} if self.sampling.family.flow else {"eta": self.parameters["eta"]}


def read_stable_diffusion(
    method: str,
    declared: Mapping[str, Parameter],
    given: Mapping[str, Any],
    sampling: Sampling,
) -> dict[str, Any]:
    """The parameters of a method that takes ``eta``, checked against its settings.

    Raises:
        UserError: an unknown parameter, a value out of range, or one that has no effect.
    """
    values = read_parameters(method, declared, given)
    if sampling.family.flow:
        _require_no_effectless(values, sampling.family)
    if not 0 <= values["eta"] <= 1:
        raise UserError(f"eta={values['eta']:g} is out of range: give a number from 0 to 1.")
    if values["eta"] and sampling.scheduler.class_name != "DDIMScheduler":
        raise UserError(
            f"eta={values['eta']:g} means nothing to the scheduler "
            f"{sampling.scheduler.name!r}: add --scheduler ddim, or leave eta out."
        )
    if values.get("negative_prompt") and not sampling.guided:
        raise UserError(
            "negative_prompt has no effect without guidance: give a --guidance-scale above 1, "
            "or leave negative_prompt out."
        )
    return values


def _require_no_effectless(values: Mapping[str, Any], family: Family) -> None:
    if values.get("negative_prompt") and family.told_guidance:
        raise UserError(
            f"negative_prompt has no effect on {family.called}, which is told how much guidance to "
            "imitate and leads away from no prompt: leave negative_prompt out."
        )
    if values["eta"]:
        raise UserError(
            f"eta has no effect on {family.called}, whose steps add no fresh noise: leave eta out."
        )


def _refuse_call_parameters(given: Mapping[str, Any], family: Family) -> None:
    """Raises UserError for parameters that only other pipelines take."""
    others = [key for key in given if key in CALL_PARAMETERS]
    if others:
        raise UserError(
            f"{' and '.join(others)}: not for {family.called}, whose prompts are encoded and whose "
            "guidance is applied here: leave that out."
        )


class StableDiffusionPlugin(MethodPlugin):
    """The entry point ``sd``."""

    name = "sd"
    summary = "the backbone as it is, whatever its pipeline: the baseline of every method"
    baseline = True
    parameters: Mapping[str, Parameter] = MappingProxyType({**PARAMETERS, **CALL_PARAMETERS})

    def configure(self, settings: GenerationSettings, parameters: Mapping[str, Any]) -> Method:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, or settings that contradict
                each other.
        """
        sampling = resolve_sampling(settings, needs=self.needs)
        if isinstance(sampling.family, AnyPipelineFamily):
            scaled = settings.guidance_scale is not None
            return AnyPipeline(self.name, sampling, parameters, scaled=scaled)
        _refuse_call_parameters(parameters, sampling.family)
        values = read_stable_diffusion(self.name, PARAMETERS, parameters, sampling)
        return StableDiffusion(sampling, values)


PLUGIN: MethodPlugin = StableDiffusionPlugin()
