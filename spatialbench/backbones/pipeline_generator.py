"""What every method on a diffusers pipeline shares: loading, calling it, decoding its latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..plugins import ImageRequest, Method, Requirement
from .accelerated import accelerate
from .decoding import decode, decoder_pieces
from .families import Pipeline
from .pipelines import load_pipeline
from .prompt_embeddings import EmbeddingBatch, PromptEncoder
from .sampling import Sampling
from .schedulers import build

if TYPE_CHECKING:
    import torch
    from PIL import Image


class PipelineGenerator(Method):
    """A backbone with its settings. A method says its identity and overrides the rest as it needs.

    Picklable until it is loaded.
    """

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self._pipe: Pipeline | None = None
        self._encoder: PromptEncoder | None = None
        self._decoding = decoder_pieces()

    @property
    def pipe(self) -> Pipeline:
        """The loaded pipeline."""
        assert self._pipe is not None, "load() comes first"
        return self._pipe

    @property
    def takes_kernels(self) -> bool:
        """Yes: it loads its models itself."""
        return True

    def download(self) -> None:
        """Get what is missing of the backbone; see ``plugins.download``."""
        self.sampling.download()

    def requirements(self, requests: Sequence[ImageRequest]) -> list[Requirement]:
        """What these images need of this machine; see ``spatialbench.plugins.requirements``."""
        return self.sampling.requirements()

    def load(self) -> None:
        """Load the pipeline; see :func:`~spatialbench.backbones.pipelines.load_pipeline`."""
        if self._pipe is None:
            self._pipe, self._encoder = self.prepared()
            if self.takes_kernels:
                accelerate(self._pipe, self.sampling.kernels)

    def prepared(self) -> tuple[Pipeline, PromptEncoder]:
        """The pipeline and the encoder of its prompts, loaded."""
        return prepared_pipeline(self.sampling)

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        """RGB images, one a request; prompts may be mixed.

        Raises:
            UserError: a prompt that the method cannot take, or latents, gradients or images that
                are not finite.
        """
        if not requests:
            return []
        self.load()
        return decode(self.pipe, self.latents(requests), requests, self._decoding)

    def latents(self, requests: Sequence[ImageRequest]) -> torch.Tensor:
        """What the pipeline samples, (n, channels, h, w): image i from its own seed."""
        sampling = self.sampling
        height, width = self.size()
        sampled = self.pipe(
            **self.embeddings(requests).arguments(),
            **self.options(),
            height=height,
            width=width,
            num_inference_steps=sampling.steps,
            guidance_scale=sampling.guidance_scale,
            generator=image_generators(requests),
            output_type="latent",
        ).images
        return sampling.family.unpacked(self.pipe, sampled, height, width)

    def options(self) -> dict[str, Any]:
        """Further keyword arguments of the pipeline's call: none."""
        return {}

    def embeddings(self, requests: Sequence[ImageRequest]) -> EmbeddingBatch:
        """The requests' prompts as the pipeline's call takes them."""
        assert self._encoder is not None
        texts = [request.prompt.text for request in requests]
        return self._encoder.batch(texts, guided=self.sampling.guided)

    def size(self) -> tuple[int, int]:
        """Height and width of the images, in pixels."""
        height, width = self.sampling.family.own_size(self.pipe)
        return self.sampling.height or height, self.sampling.width or width


def image_generators(requests: Sequence[ImageRequest]) -> list[torch.Generator]:
    """One CPU generator an image, seeded with the image's own seed."""
    import torch

    return [torch.Generator("cpu").manual_seed(request.seed) for request in requests]


def prepared_pipeline(
    sampling: Sampling,
    negative_prompt: str | None = None,
    replaced: Mapping[str, Path] | None = None,
) -> tuple[Pipeline, PromptEncoder]:
    """The pipeline and the encoder of its prompts.

    Args:
        negative_prompt: what guidance leads away from; None for the usual none.
        replaced: see :func:`~spatialbench.backbones.pipelines.load_pipeline`.

    Raises:
        UserError: see :func:`~spatialbench.backbones.pipelines.load_pipeline`; or steps that the
            scheduler cannot take.
    """
    pipe = load_pipeline(
        sampling.backbone, sampling.dtype, sampling.device, sampling.offline, replaced
    )
    if not sampling.family.flow:
        pipe.scheduler = build(sampling.scheduler, pipe.scheduler, sampling.steps)
    return pipe, PromptEncoder(pipe, negative_prompt, text_length=sampling.text_length)
