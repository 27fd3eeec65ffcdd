"""Training a LoRA with peft on a kept set: seeded by step, checkpointed, resumable."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backbones.families import Pipeline, of_pipeline
from ..backbones.pipelines import load_pipeline
from ..backbones.sampling import Sampling
from ..errors import UserError
from ..files.shown_text import counted
from ..lab.training.loop import Schedule, Training
from ..methods.lora.recipe import ESPLORA, RECIPE_KEY
from ..runs.files import make_folder, write_atomic
from .asked_model import AskedModel
from .conditioning import Conditioning
from .kept_set import KeptSet
from .latent_cache import encode_images
from .lora_settings import TARGETS, TEXT_TARGETS, LoraSettings
from .noising import draw_timesteps, shown_and_target
from .record import claim, threads_it_began_with

if TYPE_CHECKING:
    from torch import Tensor, nn

LORA = "pytorch_lora_weights.safetensors"
ADAPTER = "default"

VERSION = 1
"""Raised whenever the same settings would give other weights."""
EMA, WEIGHT_DECAY, CLIP = 0.995, 0.01, 1.0
"""Of AdamW and the average that is kept; ESPLoRA's are not public."""
MOST_WARMUP = 200


def train_lora(
    kept: KeptSet,
    sampling: Sampling,
    settings: LoraSettings,
    folder: Path,
    report: Callable[[str], None],
    *,
    frugal: bool = False,
) -> Path:
    """Train, or go on from the last checkpoint in ``folder``; the written file.

    The base weights stay as they are. The file is diffusers' own layout with the adapter's
    configuration (and so its alpha) in the header.

    Args:
        kept: the training set.
        sampling: backbone, dtype and device; nothing else of it is used.
        settings: everything that decides the weights besides the set and the backbone.
        folder: holds the checkpoint, the record of the settings and the LoRA.
        report: receives lines of progress.
        frugal: recompute activations instead of keeping them: less memory, slower.

    Raises:
        UserError: a folder with a training of other settings, a backbone that cannot be trained
            so, or a loss that is not finite.
    """
    import torch

    if settings.text_encoder and sampling.family.flow:
        raise UserError(
            "a LoRA for FLUX is trained in its transformer alone, not in T5 or CLIP: leave "
            "--text-encoder out."
        )
    if not kept.images:
        raise UserError(
            f"{kept.folder} holds no image to train on: type 'spatialbench esplora build-data' "
            "with a larger --count."
        )
    identity = {
        "backbone": sampling.backbone.identity(),
        "dtype": sampling.dtype,
        "data": kept.digest,
        "settings": settings.identity(),
        "version": VERSION,
        "optimiser": optimiser(settings),
    }
    # Of a training set from elsewhere no link is followed.
    make_folder(folder, kept.folder if folder.is_relative_to(kept.folder) else None)
    own = threads_it_began_with(claim(folder, identity), sampling.device, report)
    try:
        return _trained(kept, sampling, settings, folder, report, frugal)
    finally:
        if own is not None:
            torch.set_num_threads(own)


def _trained(
    kept: KeptSet,
    sampling: Sampling,
    settings: LoraSettings,
    folder: Path,
    report: Callable[[str], None],
    frugal: bool,
) -> Path:
    import torch

    torch.manual_seed(settings.seed)
    pipe = load_pipeline(sampling.backbone, sampling.dtype, sampling.device, sampling.offline)
    asked = AskedModel(pipe)
    cache = encode_images(pipe, kept, settings.object_weight)
    report(f"{counted(len(kept.images), 'image')} encoded; {_described(pipe, settings)}")
    models = _add_adapters(pipe, settings)
    if frugal:
        asked.model.enable_gradient_checkpointing()
    first = kept.images[0].record
    conditioning = Conditioning(
        pipe,
        (first["width"], first["height"]),
        learned=settings.text_encoder,
        text_length=sampling.text_length,
    )
    by_relation = _by_relation(kept)
    device = asked.model.device
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=sampling.dtype != "float32")

    def losses_of(step: int, rng: np.random.Generator) -> dict[str, Tensor]:
        rows = _draw_rows(rng, by_relation, settings.batch_size)
        captions = [
            "" if rng.random() < settings.no_caption else kept.images[row].text for row in rows
        ]
        chosen, bare = draw_timesteps(rng, len(rows), settings.pure_noise, len(asked.signal))
        timesteps, pure = torch.from_numpy(chosen), torch.from_numpy(bare)
        # Noise comes from the CPU's generator, so that it is the same on every device.
        latents = cache.draw(rows, torch.randn(len(rows), *cache.mean.shape[1:]))
        noise = torch.randn_like(latents)
        shown, target = shown_and_target(
            latents, noise, timesteps, pure, asked.signal, asked.prediction
        )
        with autocast:
            predicted = asked(shown, timesteps, pure, conditioning(captions))
        weight = cache.weight[list(rows)].to(device)
        error = ((predicted - target.to(device)).square() * weight).mean() / weight.mean()
        return {"loss": error}

    schedule = Schedule(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        warmup=_warmup(settings),
        ema=EMA,
        weight_decay=WEIGHT_DECAY,
        clip=CLIP,
        seed=settings.seed,
        checkpoint_every=max(1, min(250, settings.steps // 4)),
        report_every=max(1, min(50, settings.steps // 4)),
    )
    training = Training({"lora": _trainable(models)}, schedule, folder, report)
    training.run(losses_of)
    training.use_average()
    return _save(pipe, models, folder)


def optimiser(settings: LoraSettings) -> dict[str, Any]:
    """What decides the weights and cannot be set; plain JSON."""
    return {
        "name": "AdamW",
        "weight_decay": WEIGHT_DECAY,
        "ema": EMA,
        "gradient_clip": CLIP,
        "warmup": _warmup(settings),
    }


def _warmup(settings: LoraSettings) -> int:
    return max(1, min(MOST_WARMUP, settings.steps // 10))


def _add_adapters(pipe: Pipeline, settings: LoraSettings) -> dict[str, nn.Module]:
    """LoRA layers in the denoiser, and in the text encoders if asked; only they are trained.

    Raises:
        UserError: no layer of the wanted names.
    """
    from peft import LoraConfig, inject_adapter_in_model

    family = of_pipeline(pipe)
    wanted = {family.denoiser: TARGETS[settings.targets][family.denoiser]}
    if settings.text_encoder:
        wanted |= {
            part: TEXT_TARGETS
            for part in family.lora_parts
            if part != family.denoiser and pipe.components.get(part) is not None
        }
    models: dict[str, nn.Module] = {}
    for part, targets in wanted.items():
        model = getattr(pipe, part)
        config = LoraConfig(
            r=settings.rank, lora_alpha=settings.scale_alpha, target_modules=list(targets)
        )
        inject_adapter_in_model(config, model, ADAPTER)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".lora_" in name)
            if ".lora_" in name:
                parameter.data = parameter.data.float()
        models[part] = model
    return models


def _trainable(models: dict[str, nn.Module]) -> nn.Module:
    """The trained parameters alone, so that a checkpoint does not hold the backbone too."""
    from torch import nn

    return nn.ParameterList(
        [p for model in models.values() for p in model.parameters() if p.requires_grad]
    )


def _by_relation(kept: KeptSet) -> list[list[int]]:
    """Rows of the images by relation, the relations in the order of their names."""
    rows: dict[str, list[int]] = {}
    for row, image in enumerate(kept.images):
        rows.setdefault(image.relation, []).append(row)
    return [rows[relation] for relation in sorted(rows)]


def _draw_rows(
    rng: np.random.Generator, by_relation: Sequence[Sequence[int]], size: int
) -> list[int]:
    """Every relation equally often, whatever its share of what was kept."""
    groups = rng.integers(len(by_relation), size=size)
    return [by_relation[g][int(rng.integers(len(by_relation[g])))] for g in groups]


def _described(pipe: Pipeline, settings: LoraSettings) -> str:
    return (
        f"rank {settings.rank}, alpha {settings.scale_alpha:g}, layers {settings.targets}, "
        f"{100 * settings.pure_noise:g} % pure noise, "
        f"{settings.steps:,} steps of {settings.batch_size}"
    )


def _save(pipe: Pipeline, models: dict[str, nn.Module], folder: Path) -> Path:
    """Write the file whole, in the place of another."""
    from peft.utils import get_peft_model_state_dict

    options: dict[str, Any] = {}
    for part, model in models.items():
        options[f"{part}_lora_layers"] = get_peft_model_state_dict(model, adapter_name=ADAPTER)
        configs: Any = model.peft_config
        options[f"{part}_lora_adapter_metadata"] = {
            key: sorted(value) if isinstance(value, set) else value
            for key, value in configs[ADAPTER].to_dict().items()
        }
    # The library follows links, so it writes where nobody else has put any.
    with tempfile.TemporaryDirectory() as scratch:
        type(pipe).save_lora_weights(scratch, weight_name=LORA, **options)
        content = (Path(scratch) / LORA).read_bytes()
    write_atomic(folder / LORA, _ordered_header(content))
    return folder / LORA


def _ordered_header(content: bytes) -> bytes:
    """safetensors writes its metadata in an order that changes by process; the same training has
    to give the same bytes, and so the same hash in a run's identity. The recipe is written there
    too."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    told = {**header["__metadata__"], RECIPE_KEY: ESPLORA}
    header["__metadata__"] = dict(sorted(told.items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]
