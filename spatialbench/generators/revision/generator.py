"""A backbone that repaints guide pictures, by diffusers' image-to-image pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import UserError
from ...plugins import GenerationSettings, ImageRequest, Json
from ..parameters import read_parameters
from ..pipelines import Pipeline
from ..prepared_pipeline import prepared_pipeline
from ..prompt_embeddings import PromptEncoder
from ..sampling import Sampling, decode, image_generators, own_size, resolve_sampling
from . import PARAMETERS
from .guides import Guides, find_guides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

VERSION = 1
"""Raised whenever the same settings would give other pixels."""


class Revision:
    """A backbone with its settings, and where its guides come from."""

    def __init__(self, sampling: Sampling, guides: Guides, strength: float) -> None:
        self.sampling = sampling
        self.guides = guides
        self.strength = strength
        self._pipe: Pipeline | None = None
        self._repaint: Pipeline | None = None
        self._encoder: PromptEncoder | None = None

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

    def download(self) -> None:
        """Get what is missing of the backbone; see ``plugins.download``."""
        self.sampling.download()

    def load(self) -> None:
        """Load the pipeline; see :func:`~spatialbench.generators.pipelines.load_pipeline`."""
        if self._pipe is not None:
            return
        from diffusers import AutoPipelineForImage2Image

        pipe, self._encoder = prepared_pipeline(self.sampling)
        self._repaint = AutoPipelineForImage2Image.from_pipe(pipe)
        self._repaint.set_progress_bar_config(disable=True)
        self._pipe = pipe

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB pictures, one a request, each from its own guide; prompts may be mixed.

        Raises:
            UserError: a prompt without a guide, or a picture that is not finite.
        """
        if not requests:
            return []
        self.load()
        pipe, repaint, encoder = self._pipe, self._repaint, self._encoder
        assert pipe is not None
        assert repaint is not None
        assert encoder is not None
        sampling = self.sampling
        embeddings = encoder.batch([r.prompt.text for r in requests], guided=sampling.guided)
        height, width = own_size(pipe)
        size = (sampling.width or width, sampling.height or height)
        latents = repaint(
            **embeddings.arguments(),
            image=[_resized(self.guides.guide(request), size) for request in requests],
            strength=self.strength,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance_scale,
            generator=image_generators(requests),
            output_type="latent",
        ).images
        return decode(pipe, latents, requests)


def configure(settings: GenerationSettings, parameters: Mapping[str, Any]) -> Revision:
    """Fix the settings.

    Raises:
        UserError: guides that are not there, an unknown parameter, or a strength that repaints
            nothing or more than everything.
    """
    sampling = resolve_sampling(settings)
    values = read_parameters("revision", PARAMETERS, parameters)
    strength = values["strength"]
    if not 0 < strength <= 1 or int(sampling.steps * strength) < 1:
        raise UserError(
            f"strength={strength:g} repaints nothing in {sampling.steps} steps, or more than all: "
            f"give a number from {1 / sampling.steps:g} to 1 (default "
            f"{PARAMETERS['strength'].default:g})."
        )
    return Revision(sampling, find_guides(values["guides"]), strength)


def _resized(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    from PIL import Image

    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)
