"""Batches of drawn scenes as tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..world import RELATION_ACCURACY, Rendered, Scene, draw, sample_scene

if TYPE_CHECKING:
    from torch import Tensor


class SceneBatch(NamedTuple):
    """Scenes, their drawings, and the images as float32 (n, 3, SIDE, SIDE) in [-1, 1]."""

    scenes: list[Scene]
    drawings: list[Rendered]
    images: Tensor


def draw_batch(
    rng: np.random.Generator, size: int, relation_accuracy: float = RELATION_ACCURACY
) -> SceneBatch:
    """Sample and draw ``size`` training scenes."""
    scenes = [sample_scene(rng, relation_accuracy) for _ in range(size)]
    drawings = [draw(scene) for scene in scenes]
    return SceneBatch(scenes, drawings, to_tensor(drawings))


def to_tensor(drawings: list[Rendered]) -> Tensor:
    """Images as float32 (n, 3, SIDE, SIDE) in [-1, 1]."""
    import torch

    stacked = np.stack([d.image for d in drawings])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1.0
