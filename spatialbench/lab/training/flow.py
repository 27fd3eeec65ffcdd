"""Train the lab's transformer: SD3's joint attention and flow matching, on drawn scenes.

The image code and the text encoder are the lab's trained ones and stay as they are: with words
that already mean something, attention finds their objects without a loss that tells it to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...weights.loading import diffusers_class
from ..models import (
    build_flow_scheduler,
    build_transformer,
    first_text_encoder,
    second_text_encoder,
)
from ..tokenizer import build_tokenizer
from .batches import draw_batch
from .diffusion import NO_CAPTION, OBJECT_WEIGHT, PURE_NOISE, relation_accuracy_at
from .grounding import object_mask
from .loop import Schedule, Training, half_precision

if TYPE_CHECKING:
    import torch
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from torch import Tensor

BATCH = 32
EMPTY_ROWS = (0, 256)
"""How many rows of zeros stand for the absent T5: none, as the lab calls the pipeline, and the
pipeline's own default, in one batch of eight."""
NOISES = 2
"""How often a drawing is noised in its step: drawing costs more than a GPU's step does."""


class FlowBatch(NamedTuple):
    """One step's material.

    Attributes:
        images: uint8 (n, 3, SIDE, SIDE).
        ids: int64 (n, tokens).
        inside: float32 (n, 1, side, side), 1 where a latent pixel shows an object.
        level: float32 (NOISES * n,), the noise level s: 1 is noise alone.
        rows: how many rows of zeros follow the text.
    """

    images: Tensor
    ids: Tensor
    inside: Tensor
    level: Tensor
    rows: int


def sample_levels(rng: np.random.Generator, size: int) -> np.ndarray:
    """Noise levels: 15 % noise alone, the rest half uniform and half where layout is decided."""
    uniform = rng.random(size)
    middle = 1 / (1 + np.exp(-(0.3 + rng.standard_normal(size))))
    mixed = np.where(rng.random(size) < 0.5, uniform, middle)
    return np.where(rng.random(size) < PURE_NOISE, 1.0, mixed).astype(np.float32)


class FlowBatches:
    """Batch i is the same whoever draws it, in whatever order: a map-style data set."""

    def __init__(
        self, schedule: Schedule, batch: int, side: int, *, unreliable: bool = False
    ) -> None:
        self.unreliable = unreliable
        self.schedule = schedule
        self.batch = batch
        self.side = side
        self.tokenizer = build_tokenizer()

    def __len__(self) -> int:
        return self.schedule.steps

    def __getitem__(self, step: int) -> FlowBatch:
        import torch

        rng = np.random.default_rng([self.schedule.seed, 3, step])
        progress = 1.0 if self.unreliable else step / self.schedule.steps
        drawn = draw_batch(rng, self.batch, relation_accuracy_at(progress))
        captions = [s.caption if rng.random() >= NO_CAPTION else "" for s in drawn.scenes]
        ids = self.tokenizer(captions, padding="max_length", return_tensors="pt").input_ids
        inside = object_mask(drawn.drawings, self.side).amax(1)
        images = np.stack([d.image for d in drawn.drawings])
        return FlowBatch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            ids,
            inside.view(-1, 1, self.side, self.side),
            torch.from_numpy(sample_levels(rng, NOISES * self.batch)),
            EMPTY_ROWS[1] if rng.random() < 1 / 8 else EMPTY_ROWS[0],
        )


def train_flow(
    start: Any,
    folder: Path,
    schedule: Schedule,
    report: Callable[[str], None],
    batch: int = BATCH,
    device: str = "cpu",
    workers: int = 0,
    grown: SD3Transformer2DModel | None = None,
) -> StableDiffusion3Pipeline:
    """Train on freshly drawn scenes.

    Args:
        start: the lab's backbone, whose image code and text encoder are used as they are.
        folder: where the checkpoint is kept.
        schedule: length, learning rate, seed.
        report: receives progress lines.
        batch: scenes per step.
        device: a torch device.
        workers: processes that draw; 0 draws in this one. The batches are the same.
        grown: a trained transformer to go on from, instead of random weights. It knows the words
            already, so its captions are unreliable from the first step on.

    Returns:
        The complete pipeline with averaged weights, on the CPU.
    """
    import torch

    torch.manual_seed(schedule.seed)
    vae = start.vae.to(device).eval().requires_grad_(False)
    first = first_text_encoder(start.text_encoder).to(device).eval().requires_grad_(False)
    transformer = (grown or build_transformer()).to(device).requires_grad_(True).train()
    side = transformer.config.sample_size
    batches = FlowBatches(schedule, batch, side, unreliable=grown is not None)
    training = Training({"transformer": transformer}, schedule, folder, report)
    drawn = _drawn(batches, training, workers)
    width = transformer.config.joint_attention_dim
    scale = vae.config.scaling_factor

    def losses_of(step: int, _: np.random.Generator) -> dict[str, torch.Tensor]:
        material = next(drawn)
        images = material.images.to(device, non_blocking=True).float() / 127.5 - 1
        level = material.level.to(device).view(-1, 1, 1, 1)
        with half_precision(device):
            with torch.no_grad():
                clean = vae.encode(images).latent_dist.sample().float() * scale
                states = first(material.ids.to(device), output_hidden_states=True).hidden_states[-2]
                context = states.new_zeros(len(images), states.shape[1] + material.rows, width)
                context[:, : states.shape[1], : states.shape[2]] = states
                clean, context = clean.repeat(NOISES, 1, 1, 1), context.repeat(NOISES, 1, 1)
            noise = torch.randn_like(clean)
            predicted = transformer(
                hidden_states=(1 - level) * clean + level * noise,
                timestep=1000 * level.flatten(),
                encoder_hidden_states=context,
                pooled_projections=context.new_zeros(len(context), width),
            ).sample.float()
        weight = 1 + (OBJECT_WEIGHT - 1) * material.inside.to(device).repeat(NOISES, 1, 1, 1)
        error = (predicted - (noise - clean)).square() * weight
        return {"velocity": error.mean() / weight.mean()}

    training.run(losses_of)
    training.use_average()
    return assemble(vae, transformer, start)


def assemble(vae: Any, transformer: SD3Transformer2DModel, start: Any) -> StableDiffusion3Pipeline:
    """The parts as an ordinary pipeline on the CPU, in eval mode, without T5."""
    tokenizer = build_tokenizer()
    vae.register_to_config(shift_factor=0.0)  # which the pipeline adds, where SD's has none
    pipeline = diffusers_class("StableDiffusion3Pipeline")(
        transformer=transformer,
        scheduler=build_flow_scheduler(),
        vae=vae,
        text_encoder=first_text_encoder(start.text_encoder),
        tokenizer=tokenizer,
        text_encoder_2=second_text_encoder(len(tokenizer)),
        tokenizer_2=tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    ).to("cpu")
    for part in (
        pipeline.vae,
        pipeline.transformer,
        pipeline.text_encoder,
        pipeline.text_encoder_2,
    ):
        part.eval().requires_grad_(False)
    return pipeline


def _drawn(batches: FlowBatches, training: Training, workers: int) -> Iterator[FlowBatch]:
    """The batches from where the training stands when the first is asked for."""
    if not workers:
        while True:
            yield batches[training.step]
    from torch.utils.data import DataLoader

    dataset: Any = batches
    loader: Any = DataLoader(
        dataset,
        batch_size=None,
        sampler=range(training.step, training.schedule.steps),
        num_workers=workers,
        prefetch_factor=4,
        pin_memory=True,
    )
    yield from loader
