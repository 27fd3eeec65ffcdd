"""Train the lab's text encoder and UNet together, from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..models import build_scheduler, build_text_encoder, build_unet
from ..tokenizer import build_tokenizer
from ..world import RELATION_ACCURACY, Rendered
from .batches import draw_batch
from .grounding import grounding_loss, object_mask, record_decoder, token_mask
from .loop import Schedule, Training

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, StableDiffusionPipeline
    from torch import Tensor

BATCH = 32
NO_CAPTION = 0.1
"""Share of empty captions, for classifier-free guidance."""
GROUNDING_WEIGHT = 0.2
OBJECT_WEIGHT = 3.0
"""Weight of a latent pixel inside an object; one of the background counts 1."""
CURRICULUM = 0.7
"""Share of the steps over which the captions' relations go from always right to the world's
``RELATION_ACCURACY``: first learn what the words mean, then how little they can be trusted."""


def relation_accuracy_at(progress: float) -> float:
    """How often a caption's relation is right at this fraction of the training."""
    fading = min(progress / CURRICULUM, 1.0)
    return 1.0 - (1.0 - RELATION_ACCURACY) * fading


def sample_timesteps(rng: np.random.Generator, size: int) -> np.ndarray:
    """60 % uniform, 40 % between 300 and 900, where layout and identity are decided."""
    uniform = rng.integers(0, 1000, size)
    middle = rng.integers(300, 900, size)
    return np.where(rng.random(size) < 0.6, uniform, middle)


def weighted_error(predicted: Tensor, target: Tensor, drawings: Sequence[Rendered]) -> Tensor:
    """Mean squared error, (n, 4, h, w), in which objects count ``OBJECT_WEIGHT`` times."""
    side = predicted.shape[-1]
    inside = object_mask(drawings, side).amax(1).view(-1, 1, side, side)
    weight = 1 + (OBJECT_WEIGHT - 1) * inside
    return ((predicted - target).square() * weight).mean() / weight.mean()


def train_diffusion(
    vae: AutoencoderKL, folder: Path, schedule: Schedule, report: Callable[[str], None]
) -> StableDiffusionPipeline:
    """Train on freshly drawn scenes; returns the complete pipeline with averaged weights."""
    import torch

    torch.manual_seed(schedule.seed)
    tokenizer = build_tokenizer()
    text_encoder = build_text_encoder(len(tokenizer)).train()
    unet = build_unet().train()
    scheduler = build_scheduler()
    maps: list[torch.Tensor] = []
    record_decoder(unet, maps)
    scale = vae.config.scaling_factor

    def losses_of(step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        batch = draw_batch(rng, BATCH, relation_accuracy_at(step / schedule.steps))
        captions = [s.caption if rng.random() >= NO_CAPTION else "" for s in batch.scenes]
        ids = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
        tokens = token_mask(batch.scenes, ids, tokenizer)
        timesteps = torch.from_numpy(sample_timesteps(rng, BATCH))
        maps.clear()
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(batch.images).latent_dist.sample().float() * scale
            noise = torch.randn_like(latents)
            noisy = scheduler.add_noise(latents, noise, timesteps)
            context = text_encoder(ids).last_hidden_state
            predicted = unet(noisy, timesteps, context).sample.float()
        target = scheduler.get_velocity(latents, noise, timesteps)
        return {
            "velocity": weighted_error(predicted, target, batch.drawings),
            "grounding": GROUNDING_WEIGHT * grounding_loss(maps, tokens, batch.drawings),
        }

    training = Training({"text": text_encoder, "unet": unet}, schedule, folder, report)
    training.run(losses_of)
    training.use_average()
    return assemble(vae, unet, text_encoder, tokenizer)


def assemble(
    vae: AutoencoderKL, unet: object, text_encoder: object, tokenizer: object
) -> StableDiffusionPipeline:
    """The parts as an ordinary pipeline in eval mode, with diffusers' own attention."""
    from diffusers import StableDiffusionPipeline
    from diffusers.models.attention_processor import AttnProcessor2_0

    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.unet.set_attn_processor(AttnProcessor2_0())
    for part in (pipeline.vae, pipeline.unet, pipeline.text_encoder):
        part.eval().requires_grad_(False)
    return pipeline
