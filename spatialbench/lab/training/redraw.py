"""Drawn scenes as the lab's own models would draw them, with the scene's boxes still true."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .batches import SceneBatch
from .loop import half_precision

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline
    from torch import Tensor

DECODED_SHARE = 0.3
"""Share of batches that only pass the image code."""
DIFFUSED_SHARE = 0.2
"""Share of batches that are noised and denoised under their own caption."""
NOISE_LEVELS = (150, 650)
"""Timesteps to noise to: far enough to take the diffusion model's style, near enough to keep
every object in its place."""
STEPS = 2


class Redraw:
    """Passes a batch through the image code, or through the diffusion model as well.

    The second is SDEdit (Meng et al., ICLR 2022) with the true caption, so boxes stay known.
    """

    def __init__(
        self, pipeline: StableDiffusionPipeline, diffused_share: float = DIFFUSED_SHARE
    ) -> None:
        self.pipeline = pipeline
        self.diffused_share = diffused_share

    def __call__(self, rng: np.random.Generator, batch: SceneBatch) -> Tensor:
        """Images of the same scenes, float32 (n, 3, SIDE, SIDE) in [-1, 1]."""
        import torch

        kind = rng.random()
        if kind >= DECODED_SHARE + self.diffused_share:
            return batch.images
        vae = self.pipeline.vae
        with torch.no_grad(), half_precision():
            latents = vae.encode(batch.images).latent_dist.mean * vae.config.scaling_factor
            if kind < self.diffused_share:
                level = int(rng.integers(*NOISE_LEVELS))
                latents = self._denoise(latents.float(), batch, level)
            decoded: Tensor = vae.decode(latents / vae.config.scaling_factor).sample
        return decoded.float().clamp(-1, 1)

    def _denoise(self, latents: Tensor, batch: SceneBatch, level: int) -> Tensor:
        import torch

        pipe = self.pipeline
        ids = pipe.tokenizer(
            [s.caption for s in batch.scenes], padding="max_length", return_tensors="pt"
        ).input_ids
        context = pipe.text_encoder(ids).last_hidden_state
        signal = pipe.scheduler.alphas_cumprod
        levels = np.linspace(level, 0, STEPS + 1).astype(int)
        z: Tensor = pipe.scheduler.add_noise(
            latents, torch.randn_like(latents), torch.full((len(latents),), level)
        )
        for now, after in pairwise(levels):
            a, b = signal[now].sqrt(), (1 - signal[now]).sqrt()
            v = pipe.unet(z, int(now), context).sample.float()
            clean, noise = a * z - b * v, b * z + a * v
            z = (
                clean
                if after == 0
                else signal[after].sqrt() * clean + (1 - signal[after]).sqrt() * noise
            )
        return z
