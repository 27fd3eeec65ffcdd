"""A LoRA trained on FLUX: asked as its pipeline asks it, and a file that the method loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from spatialbench.backbones.families import FLUX
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.backbones.sampling import Sampling, resolve_sampling
from spatialbench.errors import UserError
from spatialbench.lora_training.asked_model import AskedModel
from spatialbench.lora_training.conditioning import Conditioning
from spatialbench.lora_training.kept_set import KeptSet
from spatialbench.lora_training.latent_cache import encode_images
from spatialbench.lora_training.lora_settings import LoraSettings
from spatialbench.lora_training.training import train_lora
from spatialbench.methods.esplora import PLUGIN
from spatialbench.plugins import GenerationSettings
from tests.tiny_models import save_pipeline, tiny_flux

SETTINGS = LoraSettings(rank=3, alpha=5.0, steps=30, batch_size=4, learning_rate=0.02, seed=4)


@pytest.fixture(scope="module", params=[True, False], ids=["dev", "schnell"])
def sampling(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Sampling:
    folder = save_pipeline(tiny_flux(request.param), tmp_path_factory.mktemp("flux"))
    return resolve_sampling(GenerationSettings(backbone=str(folder)), needs=())


def test_the_model_is_asked_as_the_pipeline_asks_it(sampling: Sampling) -> None:
    """One step of the pipeline goes from pure noise to noise less the model's answer."""
    pipe = load_pipeline(sampling.backbone)
    noise = torch.randn(2, 4, 8, 12, generator=torch.Generator().manual_seed(1))
    texts = ["a dog above a cat", "a tv"]
    packed = pipe(
        texts,
        num_inference_steps=1,
        height=16,
        width=24,
        latents=pipe._pack_latents(noise, 2, 4, 8, 12),
        max_sequence_length=sampling.text_length,
        guidance_scale=3.5,
        output_type="latent",
    ).images
    conditioning = Conditioning(pipe, (24, 16), learned=False, text_length=sampling.text_length)
    asked = AskedModel(pipe)
    for step, pure in ((999, False), (950, True)):
        with torch.no_grad():
            answer = asked(
                noise, torch.tensor([step] * 2), torch.tensor([pure] * 2), conditioning(texts)
            )
        expected = FLUX.unpacked(pipe, packed, 16, 24)
        torch.testing.assert_close(noise - answer, expected, atol=1e-5, rtol=1e-5)


def test_latents_are_those_that_the_pipeline_decodes(sampling: Sampling, kept: KeptSet) -> None:
    pipe = load_pipeline(sampling.backbone)
    cache = encode_images(pipe, kept, 1.0)
    config = pipe.vae.config
    raw = cache.mean / config.scaling_factor + config.shift_factor
    image = np.asarray(Image.open(kept.folder / kept.images[0].file), np.float32)
    first = torch.from_numpy(image / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.no_grad():
        expected = pipe.vae.encode(first).latent_dist.mean
    torch.testing.assert_close(raw[:1], expected, atol=1e-5, rtol=1e-4)


def test_it_learns_and_the_method_loads_its_file(
    sampling: Sampling, kept: KeptSet, tmp_path: Path
) -> None:
    lines: list[str] = []
    file = train_lora(kept, sampling, SETTINGS, tmp_path / "lora", lines.append)
    losses = [float(line.split()[3]) for line in lines if line.startswith("step ")]
    assert losses[-1] < 0.97 * losses[0]
    folder = str(sampling.backbone.weights.folder)
    settings = GenerationSettings(backbone=folder, steps=1, width=16, height=16)
    generator: Any = PLUGIN.configure(settings, {"lora": str(file)})
    generator.load()
    adapted = generator._adaptation.names
    assert {part for part, _ in adapted} == {"transformer"}
    assert ("transformer", "transformer_blocks.0.attn.add_q_proj") in adapted
    assert ("transformer", "single_transformer_blocks.1.attn.to_v") in adapted


def test_text_encoders_are_refused_before_anything_is_loaded(
    sampling: Sampling, kept: KeptSet, tmp_path: Path
) -> None:
    settings = replace(SETTINGS, text_encoder=True)
    with pytest.raises(UserError, match="leave --text-encoder out"):
        train_lora(kept, sampling, settings, tmp_path, print)
    assert not list(tmp_path.iterdir())
