"""Where the lab's weights are, and how they are written: half precision, safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline
    from transformers import OwlViTForObjectDetection, PreTrainedTokenizerFast

WEIGHTS = Path(__file__).parent / "weights"
BACKBONE = WEIGHTS / "backbone"
TRANSFORMER = WEIGHTS / "backbone-mmdit"
DETECTOR = WEIGHTS / "owlvit"


def export_backbone(pipeline: DiffusionPipeline, folder: Path) -> None:
    """Write a pipeline as a diffusers folder with float16 weights."""
    import torch

    pipeline.to(torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    pipeline.to(torch.float32)


def export_detector(
    model: OwlViTForObjectDetection, tokenizer: PreTrainedTokenizerFast, folder: Path
) -> None:
    """Write a detector as a transformers folder: weights, tokenizer and image processor."""
    import torch
    from transformers import OwlViTImageProcessorPil

    from .training.detector import CLIP_MEAN, CLIP_STD
    from .world import SIDE

    model.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    model.to(torch.float32)
    tokenizer.save_pretrained(folder)
    OwlViTImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=list(CLIP_MEAN), image_std=list(CLIP_STD)
    ).save_pretrained(folder)
