"""Train the lab's text encoder and UNet together, from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...weights.loading import diffusers_class
from ..models import build_scheduler, build_text_encoder, build_unet
from ..tokenizer import build_tokenizer
from ..world import RELATION_ACCURACY, Rendered
from .batches import draw_batch
from .grounding import grounding_loss, object_mask, record_decoder, token_mask
from .loop import Schedule, Training, half_precision

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
CURRICULUM = (0.6, 0.9)
"""The captions' relations are always right up to the first share of the steps, and right as often
as the world's ``RELATION_ACCURACY`` from the second on: first learn what the words mean, then how
little they can be trusted."""
PURE_NOISE = 0.15
"""Share of samples that show the model pure noise, as sampling does at its first step. Stable
Diffusion's schedule leaves a little of the image at t = 999; a model that only ever sees that
reads the layout from it, and never from the caption."""
PURE_NOISE_FROM = 900


def relation_accuracy_at(progress: float) -> float:
    """How often a caption's relation is right at this fraction of the training."""
    first, last = CURRICULUM
    fading = min(max((progress - first) / (last - first), 0.0), 1.0)
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


def velocity_target(
    latents: Tensor, noise: Tensor, timesteps: Tensor, pure: Tensor, signal: Tensor
) -> tuple[Tensor, Tensor]:
    """What the model is shown and what it has to answer, both (n, 4, h, w).

    Args:
        latents: scaled latents x0, (n, 4, h, w).
        noise: of the same shape.
        timesteps: (n,) int64.
        pure: (n,) bool: this sample is shown the noise alone. Its answer is the velocity from
            which the scheduler gets x0 back: ``x0 = a x_t - b v``.
        signal: the scheduler's ``alphas_cumprod``.
    """
    a, b = (x[timesteps].view(-1, 1, 1, 1) for x in (signal.sqrt(), (1 - signal).sqrt()))
    shown = noise.where(pure.view(-1, 1, 1, 1), a * latents + b * noise)
    return shown, (a * shown - latents) / b


def train_diffusion(
    vae: AutoencoderKL,
    folder: Path,
    schedule: Schedule,
    report: Callable[[str], None],
    start: StableDiffusionPipeline | None = None,
) -> StableDiffusionPipeline:
    """Train on freshly drawn scenes.

    Args:
        vae: the image code, which stays as it is.
        folder: where the checkpoint is kept.
        schedule: length, learning rate, seed.
        report: receives progress lines.
        start: a trained backbone whose text encoder and UNet go on training.

    Returns:
        The complete pipeline with averaged weights.
    """
    import torch

    torch.manual_seed(schedule.seed)
    tokenizer = build_tokenizer()
    text_encoder = start.text_encoder if start else build_text_encoder(len(tokenizer))
    unet = start.unet if start else build_unet()
    for part in (text_encoder, unet):
        part.float().requires_grad_(True).train()
    unet.to(memory_format=torch.channels_last)
    scheduler = build_scheduler()
    maps: list[torch.Tensor] = []
    record_decoder(unet, maps)
    scale = vae.config.scaling_factor

    def losses_of(step: int, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        batch = draw_batch(rng, BATCH, relation_accuracy_at(step / schedule.steps))
        captions = [s.caption if rng.random() >= NO_CAPTION else "" for s in batch.scenes]
        ids = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
        tokens = token_mask(batch.scenes, ids, tokenizer)
        pure = rng.random(BATCH) < PURE_NOISE
        late = rng.integers(PURE_NOISE_FROM, 1000, BATCH)
        timesteps = torch.from_numpy(np.where(pure, late, sample_timesteps(rng, BATCH)))
        maps.clear()
        with half_precision():
            with torch.no_grad():
                latents = vae.encode(batch.images).latent_dist.sample().float() * scale
            noise = torch.randn_like(latents)
            shown, target = velocity_target(
                latents, noise, timesteps, torch.from_numpy(pure), scheduler.alphas_cumprod
            )
            context = text_encoder(ids).last_hidden_state
            predicted = unet(shown, timesteps, context).sample.float()
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
    from diffusers.models.attention_processor import AttnProcessor2_0

    pipeline = diffusers_class("StableDiffusionPipeline")(
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
