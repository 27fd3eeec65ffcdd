"""From what a pipeline sampled to images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import ImageRequest
from .pipelines import Pipeline

if TYPE_CHECKING:
    import torch
    from PIL import Image


def unpacked(pipe: Pipeline, latents: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """FLUX's latents (n, h / 2 * w / 2, 4 * channels), patches of 2x2, as (n, channels, h, w).

    Args:
        height: of the image, in pixels; ``width`` likewise.
    """
    flat: torch.Tensor = pipe._unpack_latents(latents, height, width, pipe.vae_scale_factor)
    return flat


def decode(
    pipe: Pipeline, latents: torch.Tensor, requests: Sequence[ImageRequest]
) -> list[Image.Image]:
    """Latents (n, channels, h, w) to RGB images of 8 bits, as the stock pipelines decode them.

    FLUX's are unpacked first: see :func:`unpacked`.

    Raises:
        UserError: latents or images that are not finite, with the prompts concerned. They are
            never written as black images.
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
    _require_finite(pixels, requests, "image")
    images: list[Image.Image] = pipe.image_processor.postprocess(pixels, output_type="pil")
    return images


def _unscaled(pipe: Pipeline, latents: torch.Tensor) -> torch.Tensor:
    """Latents in the VAE's own units: a transformer's are shifted too, and some SDXL-type VAEs
    carry a mean and a spread a channel."""
    config = pipe.vae.config
    factor = float(config.scaling_factor)
    if hasattr(pipe, "transformer"):
        return latents / factor + float(config.shift_factor)
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
            "image was written. Use --dtype float32 or bfloat16, or another --scheduler."
        )
