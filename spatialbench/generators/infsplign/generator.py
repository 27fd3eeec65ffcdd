"""InfSplign as a method: a backbone, its settings, and pictures for requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, ImageRequest, Json
from ..architecture import Architecture
from ..backbones import resolve
from ..pipeline_generator import PipelineGenerator
from ..sampling import Sampling, resolve_sampling
from .denoiser import guided
from .settings import GuidanceSettings, preset_of, read_settings

if TYPE_CHECKING:
    import torch

VERSION = 1
"""Raised whenever the same settings would give other pixels."""


class InfSplign(PipelineGenerator):
    """A backbone guided by the attention maps of the prompt's two objects."""

    def __init__(self, sampling: Sampling, guidance: GuidanceSettings) -> None:
        super().__init__(sampling)
        self.guidance = guidance

    def identity(self) -> Json:
        """Method, version, every parameter but ``checkpointing``, and the sampling's identity."""
        return {
            "method": "infsplign",
            "version": VERSION,
            "parameters": self.guidance.identity(),
            **self.sampling.identity(),
        }

    def latents(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        """As :meth:`PipelineGenerator.latents`, guided; relations may be mixed.

        Raises:
            UserError: a prompt that cannot be guided (no relation of two objects in its text), a
                backbone without the tapped layers, or a gradient that is not finite.
        """
        with guided(
            self.pipe,
            [request.prompt for request in requests],
            self.guidance,
            steps=self.sampling.steps,
            guidance_scale=self.sampling.guidance_scale,
        ):
            return super().latents(requests)


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> InfSplign:
    """Fix the settings: the user's, over the preset's, over the backbone's defaults.

    A preset's steps and scheduler are for Stable Diffusion; the lab keeps its own.

    Raises:
        UserError: an unknown parameter, a value out of range, or values that contradict.
    """
    preset = preset_of(parameters)
    kind = resolve(settings.backbone).known_architecture
    if kind is not Architecture.LAB:
        settings = replace(
            settings,
            steps=preset.steps if settings.steps is None else settings.steps,
            scheduler=settings.scheduler or preset.scheduler,
        )
    sampling = resolve_sampling(settings)
    return InfSplign(sampling, read_settings(parameters, kind or "", sampling.steps))
