"""Plain Stable Diffusion and SDXL: the stock pipeline, one seeded generator an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..plugins import GenerationSettings, GeneratorPlugin, ImageRequest, Json, Parameter
from .parameters import read_parameters
from .pipelines import Pipeline
from .prepared_pipeline import prepared_pipeline
from .prompt_embeddings import PromptEncoder
from .sampling import Sampling, decode, image_generators, resolve_sampling

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

VERSION = 1
"""Raised whenever the same settings would give other pixels."""

PARAMETERS: Mapping[str, Parameter] = {
    "negative_prompt": Parameter("", "what guidance leads away from; empty for the usual none"),
    "eta": Parameter(0.0, "share of fresh noise a DDIM step adds: 0 none, 1 as much as DDPM"),
}


class StableDiffusion:
    """A backbone with its settings, sampled by its own diffusers pipeline."""

    def __init__(self, sampling: Sampling, parameters: Mapping[str, Any]) -> None:
        self.sampling = sampling
        self.parameters = dict(parameters)
        self._pipe: Pipeline = None
        self._encoder: PromptEncoder | None = None

    def identity(self) -> Json:
        """Method, version, parameters and everything :meth:`Sampling.identity` names."""
        return {
            "method": PLUGIN.name,
            "version": VERSION,
            "parameters": dict(self.parameters),
            **self.sampling.identity(),
        }

    def download(self) -> None:
        """Get what is missing of the backbone; see ``plugins.download``."""
        self.sampling.download()

    def load(self) -> None:
        """Load the pipeline; see :func:`~spatialbench.generators.pipelines.load_pipeline`."""
        if self._pipe is not None:
            return
        self._pipe, self._encoder = prepared_pipeline(
            self.sampling, self.parameters["negative_prompt"] or None, self.replaced_parts()
        )

    def replaced_parts(self) -> Mapping[str, Path]:
        """Folders of models that take the place of the backbone's, by part: none here."""
        return {}

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB pictures, one a request; prompts may be mixed.

        Raises:
            UserError: latents or pictures that are not finite.
        """
        if not requests:
            return []
        self.load()
        pipe, encoder, sampling = self._pipe, self._encoder, self.sampling
        assert encoder is not None
        embeddings = encoder.batch([r.prompt.text for r in requests], guided=sampling.guided)
        latents = pipe(
            **embeddings.arguments(),
            height=sampling.height,
            width=sampling.width,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance_scale,
            eta=self.parameters["eta"],
            generator=image_generators(requests),
            output_type="latent",
        ).images
        return decode(pipe, latents, requests)


def read_stable_diffusion(
    method: str,
    declared: Mapping[str, Parameter],
    given: Mapping[str, Any],
    sampling: Sampling,
) -> dict[str, Any]:
    """The parameters of a method that takes at least ``PARAMETERS``, checked against its settings.

    Raises:
        UserError: an unknown parameter, a value out of range, or one that has no effect.
    """
    values = read_parameters(method, declared, given)
    if not 0 <= values["eta"] <= 1:
        raise UserError(f"eta={values['eta']:g} is out of range: give a number from 0 to 1.")
    if values["eta"] and sampling.scheduler.class_name != "DDIMScheduler":
        raise UserError(
            f"eta={values['eta']:g} means nothing to the scheduler "
            f"{sampling.scheduler.name!r}: add --scheduler ddim, or leave eta out."
        )
    if values["negative_prompt"] and not sampling.guided:
        raise UserError(
            "negative_prompt has no effect without guidance: give a --guidance-scale above 1, "
            "or leave negative_prompt out."
        )
    return values


class StableDiffusionPlugin:
    """The entry point ``sd``."""

    name = "sd"
    summary = "Stable Diffusion or SDXL as it is: the baseline of every method"
    parameters = PARAMETERS

    def configure(
        self, settings: GenerationSettings, parameters: Mapping[str, Any]
    ) -> StableDiffusion:
        """Fix the settings.

        Raises:
            UserError: an unknown parameter, a value out of range, or settings that contradict
                each other.
        """
        sampling = resolve_sampling(settings)
        values = read_stable_diffusion(self.name, PARAMETERS, parameters, sampling)
        return StableDiffusion(sampling, values)


PLUGIN: GeneratorPlugin = StableDiffusionPlugin()
