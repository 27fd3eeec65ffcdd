"""Does the lab's cross-attention know where things are? Correlate its maps with the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..world import SIDE, Rendered, Scene, draw, sample_scene
from .batches import to_tensor
from .grounding import record_decoder, token_mask

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Pipeline, StableDiffusionPipeline
    from torch import Tensor

LEVELS = {8: "coarse (up_blocks.1)", 16: "mid (up_blocks.2)"}


def localisation(
    pipeline: StableDiffusionPipeline,
    timesteps: Sequence[int],
    scenes: int = 256,
    seed: int = 1,
) -> dict[str, tuple[float, float]]:
    """Pearson correlation of the two objects' map centroids' difference with their displacement.

    Renders of two objects are encoded and noised, one to each of ``timesteps`` in turn; the UNet
    reads them with their captions; maps are averaged over heads, over the object's tokens and over
    the level's layers.

    Returns:
        Per decoder level, and for both levels averaged, the correlation along x and along y.
    """
    import torch

    drawn, drawings, truth = _pairs(scenes, seed)
    tokenizer = pipeline.tokenizer
    ids = tokenizer([s.caption for s in drawn], padding="max_length", return_tensors="pt").input_ids
    maps: list[Tensor] = []
    processors = pipeline.unet.attn_processors
    record_decoder(pipeline.unet, maps)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        latents = pipeline.vae.encode(to_tensor(drawings)).latent_dist.mean
        latents = latents * pipeline.vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=generator)
        steps = torch.tensor([timesteps[i % len(timesteps)] for i in range(scenes)])
        noisy = pipeline.scheduler.add_noise(latents, noise, steps)
        pipeline.unet(noisy, steps, pipeline.text_encoder(ids).last_hidden_state)
    pipeline.unet.set_attn_processor(processors)
    tokens = token_mask(drawn, ids, tokenizer)
    by_level: dict[str, list[np.ndarray]] = {}
    for probabilities in maps:
        side = round(probabilities.shape[1] ** 0.5)
        attention = torch.einsum("bpt,bot->bop", probabilities, tokens).double().numpy()
        by_level.setdefault(LEVELS[side], []).append(_centroids(attention, side))
    found = {name: np.mean(values, axis=0) for name, values in by_level.items()}
    found["both"] = np.mean(list(found.values()), axis=0)
    return {name: _correlations(value, truth) for name, value in found.items()}


def block_localisation(
    pipeline: StableDiffusion3Pipeline, level: float, scenes: int = 256, seed: int = 1
) -> list[tuple[float, float]]:
    """As :func:`localisation`, for every block of a transformer of the lab, at one noise level.

    Maps are those that guidance reads: probabilities over image and text, the words' mean.

    Args:
        level: share of noise, 1 for noise alone.
    """
    import torch

    from ...backbones.families import of_pipeline
    from ...guidance.joint_attention import SD3TapProcessor
    from ...guidance.taps import tapped

    drawn, drawings, truth = _pairs(scenes, seed)
    tokenizer = pipeline.tokenizer
    captions = [scene.caption for scene in drawn]
    ids = tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
    columns = token_mask(drawn, ids, tokenizer)
    modules = [block.attn for block in pipeline.transformer.transformer_blocks]
    with (
        torch.no_grad(),
        tapped(
            modules,
            lambda read: read.transpose(1, 2),
            processor=lambda recorder, slot: SD3TapProcessor(recorder, slot, columns),
        ) as recorder,
    ):
        text = of_pipeline(pipeline).encode(pipeline, captions, 0)
        clean = pipeline.vae.encode(to_tensor(drawings)).latent_dist.mean
        clean = clean * pipeline.vae.config.scaling_factor
        noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
        pipeline.transformer(
            hidden_states=(1 - level) * clean + level * noise,
            timestep=torch.full((scenes,), 1000.0 * level),
            encoder_hidden_states=text.tokens,
            pooled_projections=text.pooled,
        )
    found = []
    for maps in recorder.maps():
        attention = maps.double().numpy()
        side = round(attention.shape[-1] ** 0.5)
        found.append(_correlations(_centroids(attention, side), truth))
    return found


def _pairs(scenes: int, seed: int) -> tuple[list[Scene], list[Rendered], np.ndarray]:
    """Scenes of two objects, their images, and where the second lies from the first, (n, 2)."""
    rng = np.random.default_rng(seed)
    drawn: list[Scene] = []
    while len(drawn) < scenes:
        scene = sample_scene(rng, exclude_held_out=False)
        if len(scene.placements) == 2:
            drawn.append(scene)
    drawings = [draw(scene) for scene in drawn]
    centres = np.stack([(d.boxes[:, :2] + d.boxes[:, 2:]) / (2 * SIDE) for d in drawings])
    return drawn, drawings, centres[:, 1] - centres[:, 0]


def _centroids(attention: np.ndarray, side: int) -> np.ndarray:
    """Difference of the two objects' centroids, (scenes, 2), as fractions of the side."""
    centre = (np.arange(side) + 0.5) / side
    maps = attention.reshape(*attention.shape[:2], side, side)
    mass = maps.sum((-1, -2))
    x = (maps.sum(-2) * centre).sum(-1) / mass
    y = (maps.sum(-1) * centre).sum(-1) / mass
    points = np.stack([x, y], -1)
    difference: np.ndarray = points[:, 1] - points[:, 0]
    return difference


def _correlations(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    x, y = (float(np.corrcoef(found[:, i], truth[:, i])[0, 1]) for i in (0, 1))
    return x, y
