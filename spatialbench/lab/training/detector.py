"""Train the lab's OWL-ViT on drawn scenes and on what the lab's own models make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..models import build_detector
from ..pictograms import NAMES
from ..tokenizer import build_tokenizer
from ..world import SIDE, Rendered, Scene
from .batches import SceneBatch, draw_batch
from .loop import Schedule, Training, half_precision

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import OwlViTForObjectDetection

    Redraw = Callable[[np.random.Generator, SceneBatch], Tensor]

BATCH = 32
BOX_WEIGHT = 25.0
QUERY = "a photo of a {}"
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_REACH = 0.1
"""A patch may claim an object whose centre is this near to its own, in sides of the image."""


def normalise(images: Tensor) -> Tensor:
    """Images in [-1, 1] as OWL-ViT's input: CLIP's mean and standard deviation."""
    import torch

    mean = torch.tensor(CLIP_MEAN).view(3, 1, 1)
    std = torch.tensor(CLIP_STD).view(3, 1, 1)
    return ((images + 1) / 2 - mean) / std


def spoil(rng: np.random.Generator, images: Tensor) -> Tensor:
    """Blur and noise on two images in three, of random strength."""
    import torch
    from torch.nn import functional as F

    blurred = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.from_numpy(rng.uniform(0, 1, len(images)) * (rng.random(len(images)) < 0.67))
    strength = torch.from_numpy(rng.uniform(0, 0.1, len(images)) * (rng.random(len(images)) < 0.67))
    mixed = torch.lerp(images, blurred, share.float().view(-1, 1, 1, 1))
    noisy = mixed + torch.randn_like(mixed) * strength.float().view(-1, 1, 1, 1)
    return ((noisy.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def train_detector(
    folder: Path,
    schedule: Schedule,
    report: Callable[[str], None],
    redraw: Redraw | None = None,
    start: OwlViTForObjectDetection | None = None,
) -> OwlViTForObjectDetection:
    """Train on drawn scenes.

    Args:
        folder: where the checkpoint is kept.
        schedule: length, learning rate, seed.
        report: receives progress lines.
        redraw: makes other images of the same scenes (the image code, the diffusion model), so
            that the detector knows what the lab's models draw.
        start: a model to go on from.
    """
    import torch

    torch.manual_seed(schedule.seed)
    tokenizer = build_tokenizer()
    model = (start or build_detector(len(tokenizer))).requires_grad_(True).train()
    # On a CPU the fused kernel's backward pass is several times slower than plain attention's.
    model.set_attn_implementation("eager")
    queries = tokenizer(
        [QUERY.format(name) for name in NAMES], padding="max_length", return_tensors="pt"
    )

    def losses_of(_: int, rng: np.random.Generator) -> dict[str, Tensor]:
        batch = draw_batch(rng, BATCH, relation_accuracy=1.0)
        images = batch.images if redraw is None else redraw(rng, batch)
        pixels = normalise(spoil(rng, images))
        with half_precision():
            text = model.owlvit.get_text_features(
                input_ids=queries.input_ids, attention_mask=queries.attention_mask
            ).pooler_output
            feature_map, _vision = model.image_embedder(pixel_values=pixels)
            features = feature_map.flatten(1, 2)
            logits, _ = model.class_predictor(features, text.expand(len(pixels), -1, -1))
            boxes = model.box_predictor(features, feature_map)
        return detection_losses(logits.float(), boxes.float(), batch.scenes, batch.drawings)

    training = Training({"detector": model}, schedule, folder, report)
    training.run(losses_of)
    training.use_average()
    return model.eval().requires_grad_(False)


def detection_losses(
    logits: Tensor, boxes: Tensor, scenes: Sequence[Scene], drawings: Sequence[Rendered]
) -> dict[str, Tensor]:
    """Classes and boxes, each object claimed by the one patch near its centre that fits it best.

    Args:
        logits: (batch, patches, classes).
        boxes: (batch, patches, 4), centre and size as fractions of the side.
        scenes: what each image shows.
        drawings: its exact boxes.
    """
    import torch
    from torch.nn import functional as F

    grid = round(logits.shape[1] ** 0.5)
    target = torch.zeros_like(logits)
    rows: list[tuple[int, int]] = []
    wanted: list[list[float]] = []
    with torch.no_grad():
        for i, (scene, drawing) in enumerate(zip(scenes, drawings, strict=True)):
            for placement, corners in zip(scene.placements, drawing.boxes, strict=True):
                x0, y0, x1, y1 = (float(v) / SIDE for v in corners)
                box = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0])
                near = _patches_near(float(box[0]), float(box[1]), grid)
                name = NAMES.index(placement.name)
                fit = logits[i, near, name].sigmoid() - 3 * (boxes[i, near] - box).abs().sum(-1)
                patch = near[int(fit.argmax())]
                target[i, patch, name] = 1.0
                rows.append((i, patch))
                wanted.append(box.tolist())
    index = torch.tensor(rows)
    found = boxes[index[:, 0], index[:, 1]]
    classes = F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(rows)
    return {"classes": classes, "boxes": BOX_WEIGHT * F.l1_loss(found, torch.tensor(wanted))}


def _patches_near(x: float, y: float, grid: int) -> list[int]:
    """Patches whose centre lies within reach, at least the one that holds the point."""
    middle = (np.arange(grid) + 0.5) / grid
    distance = np.hypot(*np.meshgrid(middle - x, middle - y))
    return sorted({int(distance.argmin()), *np.flatnonzero(distance.ravel() < _REACH).tolist()})
