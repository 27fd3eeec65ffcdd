"""From what a pipeline sampled to images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import ImageRequest
from .families import Pipeline, of_pipeline

if TYPE_CHECKING:
    import torch
    from PIL import Image


def decode(
    pipe: Pipeline, latents: torch.Tensor, requests: Sequence[ImageRequest]
) -> list[Image.Image]:
    """Latents (n, channels, h, w) to RGB images of 8 bits, as the stock pipelines decode them.

    Raises:
        UserError: latents or images that are not finite, with the prompts concerned. They are
            never written as black images.
    """
    import torch

    _require_finite(latents, requests, "latents")
    vae, family = pipe.vae, of_pipeline(pipe)
    upcast = family.upcast(pipe, latents)
    if upcast:
        vae.to(dtype=torch.float32)
    try:
        with torch.no_grad():
            scaled = family.to_vae(pipe, latents.to(vae.dtype))
            pixels = vae.decode(scaled, return_dict=False)[0]
    finally:
        if upcast:
            vae.to(dtype=latents.dtype)
    _require_finite(pixels, requests, "image")
    images: list[Image.Image] = pipe.image_processor.postprocess(pixels, output_type="pil")
    return images


def _require_finite(values: torch.Tensor, requests: Sequence[ImageRequest], what: str) -> None:
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    bad = [request for request, good in zip(requests, finite, strict=True) if not good]
    if bad:
        names = ", ".join(f"{request.prompt.id}/{request.index}" for request in bad[:4])
        raise UserError(
            f"NaN or infinite {what} for {len(bad)} of {len(requests)} images ({names}); no "
            "image was written. Use --dtype float32 or bfloat16, or another --scheduler."
        )
