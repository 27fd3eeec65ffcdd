"""The published Inception file with weights made from names, and images to look at."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch

from spatialbench.stages.quality.inception import Inception


def named_weights() -> dict[str, torch.Tensor]:
    """Weights that anybody can make again, scaled so that the features neither die nor explode."""
    found = {}
    for name, value in Inception().state_dict().items():
        if not value.is_floating_point():
            found[name] = value
            continue
        generator = np.random.default_rng(zlib.crc32(name.encode()))
        if value.dim() == 4:
            numbers = 1.6 * generator.standard_normal(value.shape) / np.sqrt(value[0].numel())
        elif name.endswith(("running_var", "bn.weight")):
            numbers = generator.uniform(0.8, 1.2, value.shape)
        else:
            numbers = 0.05 * generator.standard_normal(value.shape)
        found[name] = torch.from_numpy(numbers.astype(np.float32))
    return found


def save_inception(path: Path) -> Path:
    """As the published file is: with its classes, without counters."""
    state = {k: v for k, v in named_weights().items() if not k.endswith("num_batches_tracked")}
    state |= {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    torch.save(state, path)
    return path


def pixels(side: int) -> torch.Tensor:
    """(2, 3, side, side), 0 to 1."""
    numbers = np.random.default_rng(7).random((2, 3, side, side), dtype=np.float32)
    return torch.from_numpy(numbers)
