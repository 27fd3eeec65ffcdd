"""Figures of the shipped lab for its model card, and the prompts kept out of its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...prompts import Prompt
from ..captions import held_out

if TYPE_CHECKING:
    from ...plugins import Benchmark

TIMESTEPS: dict[str, Sequence[int]] = {
    "400..800": range(400, 801),
    **{str(t): (t,) for t in (400, 500, 600, 700, 800)},
}
"""Noise at which attention is read: the whole range that guidance works in, and by step."""


def held_out_prompts(benchmark: Benchmark, limit: int | None) -> list[Prompt]:
    """Relational prompts about pairs that no training caption names, in run order."""
    from ...runs.selection import run_order

    kept = [
        prompt
        for prompt in run_order(benchmark.prompts(benchmark.default_subset))
        if prompt.triplet and held_out(prompt.triplet.subject, prompt.triplet.object)
    ]
    return kept[:limit]


def evaluate_shipped(renders: int, scenes: int) -> dict[str, Any]:
    """Localisation of the backbone's attention by timestep, and the detector's quality."""
    import torch
    from transformers import OwlViTForObjectDetection

    from ...backbones.named import resolve
    from ...backbones.pipelines import load_pipeline
    from ...weights.loading import load_model
    from .. import DETECTOR
    from ..pictograms import NAMES
    from ..tokenizer import build_tokenizer
    from .detection_quality import detection_quality
    from .localisation import localisation

    pipeline = load_pipeline(resolve("lab"))
    detector = load_model(OwlViTForObjectDetection, DETECTOR, torch.float32)
    return {
        "localisation": {
            name: {
                level: {"x": round(x, 3), "y": round(y, 3)}
                for level, (x, y) in localisation(pipeline, timesteps, scenes).items()
            }
            for name, timesteps in TIMESTEPS.items()
        },
        "detector": {
            key: round(value, 3)
            for key, value in detection_quality(detector, build_tokenizer(), NAMES, renders).items()
        },
    }
