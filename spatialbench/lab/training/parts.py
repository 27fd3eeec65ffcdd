"""The parts of the lab in the order they are trained, and how each finds the ones before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UserError
from ...weights.loading import diffusers_class, load_model
from .loop import Schedule

if TYPE_CHECKING:
    from diffusers import (
        AutoencoderKL,
        DiffusionPipeline,
        SD3Transformer2DModel,
        StableDiffusion3Pipeline,
        StableDiffusionPipeline,
    )
    from transformers import OwlViTForObjectDetection

PARTS = ("autoencoder", "diffusion", "decoder", "detector", "detector-on-samples", "transformer")

SCHEDULES = {
    "autoencoder": Schedule(steps=1800, learning_rate=2e-3, ema=0.995),
    "diffusion": Schedule(steps=8000, learning_rate=1e-3, ema=0.998),
    "decoder": Schedule(steps=1500, learning_rate=1e-3, ema=0.995),
    "detector": Schedule(steps=5500, learning_rate=1.5e-3, ema=0.995),
    "detector-on-samples": Schedule(steps=4000, learning_rate=1.2e-3, ema=0.995),
    "transformer": Schedule(steps=30_000, learning_rate=1e-3, ema=0.998),
}
"""A training from scratch; the model card says what the shipped weights had beyond it."""


def train_part(
    name: str,
    folder: Path,
    steps: int | None,
    learning_rate: float | None,
    seed: int,
    report: Callable[[str], None],
    start: Path | None = None,
) -> None:
    """Train one part.

    ``transformer`` is a second diffusion model, by flow matching on the first one's image code and
    text encoder. ``detector`` learns from drawn scenes and from what the image code makes of them;
    ``detector-on-samples`` goes on with what the diffusion model makes of them.

    Args:
        name: one of ``PARTS``; ``folder/<part>/model`` then holds it, and ``checkpoint.pt`` beside
            it the progress.
        folder: where all parts are.
        steps: instead of the part's own number.
        learning_rate: instead of the part's own.
        seed: of the initial weights, the scenes and the noise.
        report: receives progress lines.
        start: a trained backbone that ``diffusion`` goes on from, its image code included, or whose
            transformer ``transformer`` goes on from.

    Raises:
        UserError: a part that comes before this one is not in ``folder``.
    """
    planned = SCHEDULES[name]
    schedule = replace(
        planned,
        steps=steps or planned.steps,
        learning_rate=learning_rate or planned.learning_rate,
        seed=seed,
    )
    here = folder / name
    if name == "autoencoder":
        from .autoencoder import train_autoencoder

        train_autoencoder(here, schedule, report).save_pretrained(here / "model")
    elif name == "decoder":
        from .autoencoder import train_autoencoder

        start = _autoencoder(folder, "autoencoder")
        train_autoencoder(here, schedule, report, start).save_pretrained(here / "model")
    elif name == "diffusion":
        from .diffusion import train_diffusion

        trained = _backbone(start) if start else None
        vae = trained.vae if trained else _autoencoder(folder, "autoencoder")
        pipeline = train_diffusion(vae, here, schedule, report, trained)
        pipeline.save_pretrained(here / "model")
    elif name == "transformer":
        from .flow import train_flow

        grown = _transformer(start) if start else None
        flow = train_flow(trained_pipeline(folder), here, schedule, report, grown=grown)
        flow.save_pretrained(here / "model")
    else:
        from .detector import train_detector
        from .redraw import DIFFUSED_SHARE, Redraw

        on_samples = name == "detector-on-samples"
        redraw = Redraw(trained_pipeline(folder), DIFFUSED_SHARE if on_samples else 0.0)
        start = None
        if on_samples:
            start = _detector(folder, "detector")
        model = train_detector(here, schedule, report, redraw, start)
        model.save_pretrained(here / "model")


def trained_pipeline(folder: Path) -> StableDiffusionPipeline:
    """The trained backbone in a training folder, with the decoder that was trained longer."""
    pipeline = _backbone(_model(folder, "diffusion"))
    if (folder / "decoder" / "model").is_dir():
        pipeline.register_modules(vae=_autoencoder(folder, "decoder"))
    return pipeline


def export_parts(folder: Path, target: Path) -> None:
    """Write the trained backbone and detector as the folders that spatialbench loads."""
    from .. import BACKBONE, DETECTOR, TRANSFORMER

    _export_backbone(trained_pipeline(folder), target / BACKBONE.name)
    _export_detector(_detector(folder, "detector-on-samples"), target / DETECTOR.name)
    _export_backbone(_flow_pipeline(_model(folder, "transformer")), target / TRANSFORMER.name)


def _export_backbone(pipeline: DiffusionPipeline, folder: Path) -> None:
    """Write a pipeline as a diffusers folder with float16 weights."""
    import torch

    pipeline.to(torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)


def _export_detector(model: OwlViTForObjectDetection, folder: Path) -> None:
    """Write a detector as a transformers folder: weights, tokenizer and image processor."""
    import torch
    from transformers import OwlViTImageProcessorPil

    from ..tokenizer import build_tokenizer
    from ..world import SIDE
    from .detector import CLIP_MEAN, CLIP_STD

    model.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    build_tokenizer().save_pretrained(folder)
    OwlViTImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, image_mean=list(CLIP_MEAN), image_std=list(CLIP_STD)
    ).save_pretrained(folder)


def _backbone(folder: Path) -> StableDiffusionPipeline:
    pipeline = diffusers_class("StableDiffusionPipeline").from_pretrained(
        folder,
        safety_checker=None,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.vae, pipeline.unet, pipeline.text_encoder):
        part.float().eval().requires_grad_(False)
    return pipeline


def _flow_pipeline(folder: Path) -> StableDiffusion3Pipeline:
    return diffusers_class("StableDiffusion3Pipeline").from_pretrained(
        folder,
        text_encoder_3=None,
        tokenizer_3=None,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
    )


def _transformer(folder: Path) -> SD3Transformer2DModel:
    import torch
    from diffusers import SD3Transformer2DModel

    return load_model(SD3Transformer2DModel, folder / "transformer", torch.float32)


def _autoencoder(folder: Path, part: str) -> AutoencoderKL:
    import torch
    from diffusers import AutoencoderKL

    return load_model(AutoencoderKL, _model(folder, part), torch.float32)


def _detector(folder: Path, part: str) -> OwlViTForObjectDetection:
    """A trained detector, ready to be trained on."""
    from transformers import OwlViTForObjectDetection

    return OwlViTForObjectDetection.from_pretrained(
        _model(folder, part), use_safetensors=True, local_files_only=True, trust_remote_code=False
    )


def _model(folder: Path, part: str) -> Path:
    path = folder / part / "model"
    if not path.is_dir():
        raise UserError(
            f"{path} is missing: the lab's {part} is not trained in {folder}; "
            f"type 'spatialbench lab train {part} --folder {folder}' first."
        )
    return path
