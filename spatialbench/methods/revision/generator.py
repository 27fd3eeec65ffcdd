"""A backbone that repaints guide images, by diffusers' image-to-image pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...backbones.architecture import Architecture
from ...backbones.families import Pipeline
from ...backbones.named import resolve
from ...backbones.pipeline_generator import PipelineGenerator, image_generators
from ...backbones.sampling import Sampling, resolve_sampling
from ...errors import UserError
from ...files.shown_text import counted
from ...guidance import several
from ...plugins import GenerationSettings, ImageRequest, Json
from ...plugins.parameters import read_parameters
from ...plugins.requirements import Requirement, required
from . import NEEDS, PARAMETERS, steps_made
from .guides import Guides, LabGuides, find_guides

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from PIL import Image

    from ...prompts import Prompt

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

SDXL_GUIDANCE = 7.5
"""Of the authors' sample, which is on SDXL; the backbone's own default is 5."""

_NOT_ON_A_FLOW = "it adds noise to a guide by the schedule of Stable Diffusion"


class Revision(PipelineGenerator):
    """A backbone with its settings, and where its guides come from."""

    def __init__(self, sampling: Sampling, guides: Guides, strength: float) -> None:
        super().__init__(sampling)
        self.guides = guides
        self.strength = strength
        self._repaint: Pipeline | None = None

    def identity(self) -> Json:
        """Method, version, marks, strength, the guides' and the sampling's identity."""
        return {
            "method": "revision",
            "version": VERSION,
            "marks": list(self.guides.marks),
            "parameters": {"strength": self.strength},
            "guides": self.guides.identity(),
            **self.sampling.identity(),
        }

    def about_prompts(self, prompts: Sequence[Prompt]) -> list[str]:
        """How many prompts ask for more than the lab draws: two objects and one relation."""
        drawn = isinstance(self.guides, LabGuides)
        return several.about("revision", prompts, several.FIRST if drawn else several.ALL)

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """As for the backbone, and a guide for every prompt."""
        prompts = {request.prompt.id: request.prompt for request in requests}

        def every_guide() -> None:
            for prompt in prompts.values():
                self.guides.require(prompt)

        guides = required(f"guides for {counted(len(prompts), 'prompt')}", every_guide)
        return [*super().requirements(requests), guides]

    def load(self) -> None:
        """Load the backbone, and the pipeline that repaints with it."""
        super().load()
        if self._repaint is None:
            from diffusers import AutoPipelineForImage2Image

            self._repaint = AutoPipelineForImage2Image.from_pipe(self.pipe)
            self._repaint.set_progress_bar_config(disable=True)

    def latents(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        """What the repainting pipeline samples, each image from its own guide.

        Raises:
            UserError: a prompt without a guide.
        """
        assert self._repaint is not None
        height, width = self.size()
        guides = [self.guides.guide(request) for request in requests]
        latents: torch.Tensor = self._repaint(
            **self.embeddings(requests).arguments(),
            image=[_resized(guide, (width, height)) for guide in guides],
            strength=self.strength,
            num_inference_steps=self.sampling.steps,
            guidance_scale=self.sampling.guidance_scale,
            generator=image_generators(requests),
            output_type="latent",
        ).images
        return latents


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> Revision:
    """Fix the settings.

    Raises:
        UserError: guides that are not there, an unknown parameter, or a strength that repaints
            nothing or more than everything.
    """
    scale = settings.guidance_scale
    if (
        scale is None
        and resolve(settings.backbone, offline=settings.offline).known_architecture
        is Architecture.SDXL
    ):
        settings = replace(settings, guidance_scale=SDXL_GUIDANCE)
    sampling = resolve_sampling(settings, needs=NEEDS, why=_NOT_ON_A_FLOW)
    values = read_parameters("revision", PARAMETERS, parameters)
    strength = values["strength"]
    if not 0 < strength <= 1 or steps_made(sampling.steps, strength) < 1:
        raise UserError(
            f"strength={strength:g} repaints nothing in {sampling.steps} steps, or more than all: "
            f"give a number from {1 / sampling.steps:g} to 1 (default "
            f"{PARAMETERS['strength'].default:g})."
        )
    return Revision(sampling, find_guides(values["guides"]), strength)


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
