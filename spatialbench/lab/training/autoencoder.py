"""Train the lab's image code, and measure the latents it gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..models import LATENT_STD, build_autoencoder
from .batches import draw_batch
from .loop import Schedule, Training, half_precision

if TYPE_CHECKING:
    from diffusers import AutoencoderKL
    from torch import Tensor

BATCH = 16
KL_WEIGHT = 2e-4


def train_autoencoder(
    folder: Path,
    schedule: Schedule,
    report: Callable[[str], None],
    start: AutoencoderKL | None = None,
) -> AutoencoderKL:
    """Train to reconstruct drawn scenes.

    Args:
        folder: where the checkpoint is kept.
        schedule: length, learning rate, seed.
        report: receives progress lines.
        start: a trained model whose decoder alone goes on training. Its encoder, and so its
            latents and whatever was trained on them, stay as they are.

    Returns:
        The averaged model, its ``scaling_factor`` set from the latents, in eval mode.
    """
    import torch
    from torch.nn import functional as F

    torch.manual_seed(schedule.seed)
    vae = (start or build_autoencoder()).requires_grad_(True).train()
    if start is not None:
        for part in (vae.encoder, vae.quant_conv):
            part.requires_grad_(False)

    def losses_of(_: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        images = draw_batch(rng, BATCH).images
        with half_precision():
            posterior = vae.encode(images).latent_dist
            decoded = vae.decode(posterior.sample()).sample.float()
        difference = decoded - images
        kl = 0.5 * (posterior.mean.float() ** 2 + posterior.var - 1 - posterior.logvar).mean()
        edges = F.l1_loss(torch.diff(decoded, dim=-1), torch.diff(images, dim=-1)) + F.l1_loss(
            torch.diff(decoded, dim=-2), torch.diff(images, dim=-2)
        )
        return {
            "l1": difference.abs().mean(),
            "l2": 2 * difference.square().mean(),
            "edges": 0.5 * edges,
            "kl": KL_WEIGHT * kl,
        }

    training = Training({"vae": vae}, schedule, folder, report)
    training.run(losses_of)
    training.use_average()
    vae.eval().requires_grad_(False)
    if start is None:
        latents = torch.cat([_encode(vae, seed) for seed in range(8)])
        vae.register_to_config(scaling_factor=float(LATENT_STD / latents.std()))
    return vae


def _encode(vae: AutoencoderKL, seed: int) -> Tensor:
    import torch

    with torch.no_grad():
        images = draw_batch(np.random.default_rng([99, seed]), 64).images
        mean: Tensor = vae.encode(images).latent_dist.mean
    return mean
