"""From what a pipeline sampled to images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import ImageRequest
from ..weights.memory import Pieces
from .families import Pipeline, of_pipeline

if TYPE_CHECKING:
    import torch
    from PIL import Image

_HALVED = "out of memory when decoding {0} images at a time: going on with {1} at a time there."


def decoder_pieces() -> Pieces:
    """What decodes a batch in halves where memory runs out there; nothing is sampled again."""
    return Pieces(told=_HALVED)


def decode(
    pipe: Pipeline,
    latents: torch.Tensor,
    requests: Sequence[ImageRequest],
    pieces: Pieces | None = None,
) -> list[Image.Image]:
    """Latents (n, channels, h, w) to RGB images of 8 bits, as the stock pipelines decode them.

    Args:
        pieces: from ``decoder_pieces``; it remembers how many were decoded at a time.

    Raises:
        UserError: latents or images that are not finite, with the prompts concerned. They are
            never written as black images. Or out of memory with a single image.
    """
    import torch

    _require_finite(latents, requests, "latents")
    vae, family = pipe.vae, of_pipeline(pipe)
    upcast = family.upcast(pipe, latents)

    def decoded(places: Sequence[int]) -> list[Image.Image]:
        part = slice(places[0], places[-1] + 1)
        with torch.no_grad():
            scaled = family.to_vae(pipe, latents[part].to(vae.dtype))
            pixels = vae.decode(scaled, return_dict=False)[0]
        _require_finite(pixels, requests[part], "image")
        return _images(pipe, pixels)

    if upcast:
        vae.to(dtype=torch.float32)
    try:
        return (pieces or decoder_pieces()).call(decoded, range(len(requests)))
    finally:
        if upcast:
            vae.to(dtype=latents.dtype)


def _images(pipe: Pipeline, pixels: torch.Tensor) -> list[Image.Image]:
    """Pixels (n, 3, h, w) as the image processor makes images of them, with its arithmetic.

    On the device, so that a quarter as much is copied from there and the host has nothing to do.
    """
    import torch
    from PIL import Image

    shares = pipe.image_processor.postprocess(pixels, output_type="pt")
    levels = (shares.float() * 255).round().to(torch.uint8)
    return [Image.fromarray(one) for one in levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()]


def _require_finite(values: torch.Tensor, requests: Sequence[ImageRequest], what: str) -> None:
    finite = values.isfinite().flatten(1).all(dim=1).tolist()
    bad = [request for request, good in zip(requests, finite, strict=True) if not good]
    if bad:
        names = ", ".join(f"{request.prompt.id}/{request.index}" for request in bad[:4])
        raise UserError(
            f"NaN or infinite {what} for {len(bad)} of {len(requests)} images ({names}); no "
            "image was written. Use --dtype float32 or bfloat16, or another --scheduler."
        )
