"""The training images as latents, encoded once, with weights for their objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..backbones.families import Pipeline, of_pipeline
from ..errors import UserError
from ..files.documents import LARGE, read_limited
from ..files.images import UnreadableImage, read_rgb
from .kept_set import KeptSet

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

_CHUNK = 16


class LatentCache(NamedTuple):
    """All images, float32 on the CPU.

    Attributes:
        mean: (n, c, h, w), of the VAE's posterior, scaled as the denoiser takes it.
        spread: (n, c, h, w), its standard deviation, likewise.
        weight: (n, 1, h, w): how much each latent pixel counts.
    """

    mean: Tensor
    spread: Tensor
    weight: Tensor

    def draw(self, rows: Sequence[int], noise: Tensor) -> Tensor:
        """Latents of some images, one draw of the posterior each: (len(rows), c, h, w)."""
        index = list(rows)
        drawn: Tensor = self.mean[index] + self.spread[index] * noise
        return drawn


def encode_images(pipe: Pipeline, kept: KeptSet, object_weight: float) -> LatentCache:
    """Run every image through the pipeline's VAE.

    Raises:
        UserError: an image that is missing, unreadable, or of another size than the first.
    """
    import torch

    vae, family = pipe.vae, of_pipeline(pipe)
    # SDXL's VAE overflows in half precision.
    precision = vae.dtype
    if precision != torch.float32:
        vae.to(torch.float32)
    means, spreads, weights = [], [], []
    try:
        with torch.no_grad():
            for start in range(0, len(kept.images), _CHUNK):
                chunk = kept.images[start : start + _CHUNK]
                pixels = torch.stack([_pixels(kept.folder / p.file, kept.folder) for p in chunk])
                posterior = vae.encode(pixels.to(vae.device)).latent_dist
                means.append(family.from_vae(pipe, posterior.mean, shift=True).cpu())
                spreads.append(family.from_vae(pipe, posterior.std, shift=False).cpu())
                weights += [
                    object_weights(p.record, means[-1].shape[2:], object_weight) for p in chunk
                ]
        return LatentCache(torch.cat(means), torch.cat(spreads), torch.stack(weights))
    except (RuntimeError, TypeError) as error:
        if "size" not in str(error):
            raise
        raise UserError(
            f"the images of {kept.folder} are not all of one size: build the data again, with "
            "one --width and --height."
        ) from error
    finally:
        if precision != torch.float32:
            vae.to(precision)


def _pixels(path: Path, below: Path) -> Tensor:
    """float32, (3, h, w), in [-1, 1]; no link below ``below`` is followed."""
    import torch

    try:
        array = np.array(read_rgb(read_limited(path, LARGE, below), ("PNG",)))
    except (OSError, ValueError, UnreadableImage) as error:
        raise UserError(
            f"{path} cannot be read ({error}): type 'spatialbench esplora build-data' again."
        ) from error
    return torch.from_numpy(array).permute(2, 0, 1).float() / 127.5 - 1


def object_weights(record: dict[str, Any], shape: Sequence[int], object_weight: float) -> Tensor:
    """float32, (1, h, w) for ``shape`` (h, w): ``object_weight`` where a found box lies, else 1."""
    import torch

    rows, columns = shape
    weight = torch.ones(1, rows, columns)
    for x0, y0, x1, y1 in record["boxes"]:
        left, right = (x * columns / record["width"] for x in (x0, x1))
        top, bottom = (y * rows / record["height"] for y in (y0, y1))
        across = slice(max(int(left), 0), max(int(np.ceil(right)), 0))
        weight[:, max(int(top), 0) : max(int(np.ceil(bottom)), 0), across] = object_weight
    return weight
