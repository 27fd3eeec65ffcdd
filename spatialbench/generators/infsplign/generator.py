"""InfSplign as a method: a backbone, its settings, and pictures for requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...plugins import GenerationSettings, ImageRequest, Json
from ..prepared_pipeline import prepared_pipeline
from ..prompt_embeddings import PromptEncoder
from ..sampling import Sampling, decode, image_generators, resolve_sampling
from .denoiser import guided
from .settings import GuidanceSettings, preset_of, read_settings

if TYPE_CHECKING:
    from PIL import Image

    from ..pipelines import Pipeline

VERSION = 1
"""Raised whenever the same settings would give other pixels."""


class InfSplign:
    """A backbone guided by the attention maps of the prompt's two objects."""

    def __init__(self, sampling: Sampling, guidance: GuidanceSettings) -> None:
        self.sampling = sampling
        self.guidance = guidance
        self._pipe: Pipeline | None = None
        self._encoder: PromptEncoder | None = None

    def identity(self) -> Json:
        """Method, version, every parameter but ``checkpointing``, and the sampling's identity."""
        return {
            "method": "infsplign",
            "version": VERSION,
            "parameters": self.guidance.identity(),
            **self.sampling.identity(),
        }

    def download(self) -> None:
        """Get what is missing of the backbone; see ``plugins.download``."""
        self.sampling.download()

    def load(self) -> None:
        """Load the pipeline; see :func:`~spatialbench.generators.pipelines.load_pipeline`."""
        if self._pipe is not None:
            return
        self._pipe, self._encoder = prepared_pipeline(self.sampling)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB pictures, one a request; prompts and relations may be mixed.

        Raises:
            UserError: a prompt that cannot be guided (no relation of two objects in its text), a
                backbone without the tapped layers, or a gradient or picture that is not finite.
        """
        if not requests:
            return []
        self.load()
        pipe, encoder, sampling = self._pipe, self._encoder, self.sampling
        assert pipe is not None
        assert encoder is not None
        prompts = [request.prompt for request in requests]
        embeddings = encoder.batch([p.text for p in prompts], guided=sampling.guided)
        with guided(
            pipe,
            prompts,
            self.guidance,
            steps=sampling.steps,
            guidance_scale=sampling.guidance_scale,
        ):
            latents = pipe(
                **embeddings.arguments(),
                height=sampling.height,
                width=sampling.width,
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance_scale,
                generator=image_generators(requests),
                output_type="latent",
            ).images
        return decode(pipe, latents, requests)


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> InfSplign:
    """Fix the settings: the user's, over the preset's, over the backbone's defaults.

    A preset's steps and scheduler are for Stable Diffusion; the lab keeps its own.

    Raises:
        UserError: an unknown parameter, a value out of range, or values that contradict.
    """
    preset = preset_of(parameters)
    if settings.backbone != "lab":
        settings = replace(
            settings,
            steps=preset.steps if settings.steps is None else settings.steps,
            scheduler=settings.scheduler or preset.scheduler,
        )
    sampling = resolve_sampling(settings)
    return InfSplign(sampling, read_settings(parameters, sampling.backbone.name, sampling.steps))
