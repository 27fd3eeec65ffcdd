"""The settings of one sampling run, checked, and the steps every diffusion method shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..checkpoints.devices import DTYPES
from ..errors import UserError, unknown_name
from ..plugins import GenerationSettings, ImageRequest
from .backbones import Backbone, resolve
from .pipelines import Pipeline
from .prompt_transforms import NONE, transform_of
from .schedulers import SchedulerChoice, choose

if TYPE_CHECKING:
    import torch
    from PIL import Image

_SIDE_UNIT = 8
"""diffusers refuses sides that are not multiples of this, whatever the VAE."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Checked settings with the backbone's defaults filled in.

    ``guidance_scale`` 1 is none. ``width`` and ``height`` are pixels, None the checkpoint's own.
    ``device`` and ``offline`` decide no pixel.
    """

    backbone: Backbone
    scheduler: SchedulerChoice
    steps: int
    guidance_scale: float
    width: int | None
    height: int | None
    dtype: str
    prompt_transform: str
    device: str
    offline: bool

    @property
    def guided(self) -> bool:
        """Whether classifier-free guidance is on, by the rule diffusers uses."""
        return self.guidance_scale > 1

    def download(self) -> None:
        """Get what is missing of the backbone, unless offline; see ``Backbone.locate``."""
        self.backbone.locate(offline=self.offline)

    def identity(self) -> dict[str, Any]:
        """Everything here that decides the pixels; plain JSON. No model is loaded.

        Raises:
            UserError: a backbone folder that is missing or holds no model.
        """
        return {
            "backbone": self.backbone.identity(),
            "scheduler": self.scheduler.identity(),
            "steps": self.steps,
            "guidance_scale": self.guidance_scale,
            "width": self.width,
            "height": self.height,
            "dtype": self.dtype,
            "prompt_transform": self.prompt_transform,
        }


def resolve_sampling(settings: GenerationSettings) -> Sampling:
    """Check what the user asked for and fill in the backbone's defaults.

    Raises:
        UserError: an unknown backbone, scheduler, dtype or prompt transform (near matches
            listed), or a number out of range.
    """
    backbone = resolve(settings.backbone)
    defaults = backbone.defaults
    steps = defaults.steps if settings.steps is None else settings.steps
    if steps < 1:
        raise UserError(f"--steps {steps} is too few: give 1 or more (default {defaults.steps}).")
    if settings.dtype not in DTYPES:
        raise unknown_name("dtype", settings.dtype, DTYPES)
    transform = settings.prompt_transform or NONE
    if transform != NONE:
        # A method that took it for done would be sent the original prompts under TORE's name.
        raise UserError(
            f"a method does not rewrite prompts itself: wrap it, as in with_transform(generator, "
            f"{transform_of(transform).name!r}) of spatialbench.generators.prompt_transforms."
        )
    return Sampling(
        backbone=backbone,
        scheduler=choose(settings.scheduler or defaults.scheduler),
        steps=steps,
        guidance_scale=_guidance(settings.guidance_scale, defaults.guidance_scale),
        width=_side("width", settings.width, defaults.width),
        height=_side("height", settings.height, defaults.height),
        dtype=settings.dtype,
        prompt_transform=transform,
        device=settings.device,
        offline=settings.offline,
    )


def image_generators(requests: Sequence[ImageRequest]) -> list[torch.Generator]:
    """One CPU generator an image, seeded with the image's own seed."""
    import torch

    return [torch.Generator("cpu").manual_seed(request.seed) for request in requests]


def initial_latents(
    pipe: Pipeline,
    generators: Sequence[torch.Generator],
    height: int | None = None,
    width: int | None = None,
) -> torch.Tensor:
    """The noise that denoising starts from, as the stock pipeline draws it.

    Call after the scheduler's ``set_timesteps``, which fixes the noise's size.

    Returns:
        (n, channels, height / f, width / f) in the UNet's dtype on its device, f the VAE's factor.
    """
    own_height, own_width = own_size(pipe)
    latents: torch.Tensor = pipe.prepare_latents(
        len(generators),
        pipe.unet.config.in_channels,
        height or own_height,
        width or own_width,
        pipe.unet.dtype,
        pipe.unet.device,
        list(generators),
    )
    return latents


def own_size(pipe: Pipeline) -> tuple[int, int]:
    """Height and width, in pixels, that the checkpoint was made for."""
    sample = pipe.unet.config.sample_size
    rows, columns = (sample, sample) if isinstance(sample, int) else sample
    return rows * pipe.vae_scale_factor, columns * pipe.vae_scale_factor


def decode(
    pipe: Pipeline, latents: torch.Tensor, requests: Sequence[ImageRequest]
) -> list[Image.Image]:
    """Latents (n, channels, h, w) to RGB pictures of 8 bits, as the stock pipelines decode them.

    Raises:
        UserError: latents or pictures that are not finite, with the prompts concerned. They are
            never written as black pictures.
    """
    import torch

    _require_finite(latents, requests, "latents")
    vae = pipe.vae
    # SDXL's VAE overflows in float16 and says so in its configuration.
    upcast = latents.dtype == torch.float16 and getattr(vae.config, "force_upcast", False)
    upcast = upcast and hasattr(pipe, "upcast_vae")
    if upcast:
        vae.to(dtype=torch.float32)
    try:
        with torch.no_grad():
            scaled = _unscaled(pipe, latents.to(vae.dtype))
            pixels = vae.decode(scaled, return_dict=False)[0]
    finally:
        if upcast:
            vae.to(dtype=latents.dtype)
    _require_finite(pixels, requests, "picture")
    images: list[Image.Image] = pipe.image_processor.postprocess(pixels, output_type="pil")
    return images


def _unscaled(pipe: Pipeline, latents: torch.Tensor) -> torch.Tensor:
    """Latents in the VAE's own units; some SDXL-type VAEs carry a mean and a spread a channel."""
    config = pipe.vae.config
    factor = float(config.scaling_factor)
    mean, std = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or std is None or not hasattr(pipe, "upcast_vae"):
        return latents / factor
    channel_mean = latents.new_tensor(mean).view(1, -1, 1, 1)
    channel_std = latents.new_tensor(std).view(1, -1, 1, 1)
    return latents * channel_std / factor + channel_mean


def _require_finite(values: torch.Tensor, requests: Sequence[ImageRequest], what: str) -> None:
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    bad = [request for request, good in zip(requests, finite, strict=True) if not good]
    if bad:
        names = ", ".join(f"{request.prompt.id}/{request.index}" for request in bad[:4])
        raise UserError(
            f"NaN or infinite {what} for {len(bad)} of {len(requests)} images ({names}); no "
            "picture was written. Use --dtype float32 or bfloat16, or another --scheduler."
        )


def _guidance(asked: float | None, default: float) -> float:
    scale = default if asked is None else float(asked)
    if not math.isfinite(scale) or scale < 0 or 0 < scale < 1:
        raise UserError(
            f"--guidance-scale {scale:g} is out of range: give more than 1, or 0 for no guidance "
            f"(default {default:g})."
        )
    return max(scale, 1.0)


def _side(name: str, asked: int | None, default: int | None) -> int | None:
    side = default if asked is None else asked
    if side is not None and (side < _SIDE_UNIT or side % _SIDE_UNIT):
        raise UserError(
            f"--{name} {side} is no picture size here: give a positive multiple of {_SIDE_UNIT} "
            f"pixels{f' (default {default})' if default else ''}."
        )
    return side
