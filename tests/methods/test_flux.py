"""FLUX as a backbone, against diffusers' own pipeline; what it refuses, and who refuses it."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spatialbench import plugins
from spatialbench.backbones.families import FLUX
from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.errors import UserError
from spatialbench.methods.stable_diffusion import PLUGIN
from spatialbench.plugins import Defaults, GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.batches import (
    assert_batch_mates_change_nothing,
    assert_same_but_for_rounding,
    pixels,
)

TEXTS = ("a dog to the left of a cat", "a car above a bench", "a tv below a wine glass")
REQUESTS = [ImageRequest(Prompt(str(i), t, "left"), 0, 42 + i) for i, t in enumerate(TEXTS)]
SIZE: dict[str, Any] = {"height": 32, "width": 48}
ON_ATTENTION = {"infsplign", "attend-and-excite", "storm-released", "storm-corrected"}
WITH_LORA = {"esplora", "lora", "compass", "compass-without-tenor"}
RUNS_ON_FLUX = {"sd", "tenor"} | ON_ATTENTION


@functools.cache
def make(folder: Path, **settings: Any) -> Any:
    given = GenerationSettings(backbone=str(folder), **{"steps": 3, **SIZE, **settings})
    return PLUGIN.configure(given, {})


@functools.cache
def stock_pipeline(folder: Path) -> Any:
    from diffusers import FluxPipeline

    pipe = FluxPipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stock(folder: Path, request: ImageRequest, **options: Any) -> np.ndarray:
    """The image of the untouched pipeline, called with the prompt's text."""
    import torch

    generator = torch.Generator().manual_seed(request.seed)
    call = {"num_inference_steps": 3, **SIZE, **options}
    return pixels(
        stock_pipeline(folder)(request.prompt.text, generator=generator, **call).images[0]
    )


def test_dev_equals_the_stock_pipeline(flux_folder: Path) -> None:
    image = pixels(make(flux_folder).generate(REQUESTS[:1])[0])
    assert image.shape == (32, 48, 3)
    assert image.std() > 10, "an almost uniform image would equal anything"
    assert_same_but_for_rounding(image, stock(flux_folder, REQUESTS[0], guidance_scale=3.5))
    strong = pixels(make(flux_folder, guidance_scale=30.0).generate(REQUESTS[:1])[0])
    assert_same_but_for_rounding(strong, stock(flux_folder, REQUESTS[0], guidance_scale=30.0))
    assert (strong != image).any(), "the model is told how much guidance"


def test_schnell_reads_256_tokens_and_takes_no_guidance(schnell_folder: Path) -> None:
    image = pixels(make(schnell_folder).generate(REQUESTS[:1])[0])
    short = stock(schnell_folder, REQUESTS[0], guidance_scale=0.0, max_sequence_length=256)
    assert_same_but_for_rounding(image, short)
    assert (stock(schnell_folder, REQUESTS[0], guidance_scale=0.0) != image).any()
    with pytest.raises(UserError, match=r"--guidance-scale 3\.5 means nothing to local"):
        make(schnell_folder, guidance_scale=3.5)


def test_batch_mates_change_nothing_beyond_rounding(flux_folder: Path) -> None:
    generator = make(flux_folder)
    assert_batch_mates_change_nothing(generator, REQUESTS)
    before = [image.tobytes() for image in generator.generate(REQUESTS)]
    again = PLUGIN.configure(
        GenerationSettings(backbone=str(flux_folder), steps=3, **SIZE), {}
    ).generate(REQUESTS)
    assert [image.tobytes() for image in again] == before


def test_models_are_frozen_and_every_weight_is_asked_for(flux_folder: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    pipe = load_pipeline(resolve(str(flux_folder)), dtype="bfloat16")
    models = [part for part in pipe.components.values() if isinstance(part, torch.nn.Module)]
    assert len(models) == 4
    for model in models:
        assert not model.training
        assert {(p.requires_grad, p.dtype) for p in model.parameters()} == {(False, torch.bfloat16)}
    copy = shutil.copytree(flux_folder, tmp_path / "copy")
    file = copy / "text_encoder_2" / "model.safetensors"
    weights = load_file(file)
    gone = next(name for name in sorted(weights) if "SelfAttention.q" in name)
    save_file({k: v for k, v in weights.items() if k != gone}, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"T5EncoderModel .* 1 missing"):
        load_pipeline(resolve(str(copy)))


def test_identity_of_the_pinned_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    golden = {
        "method": "sd",
        "version": 1,
        "parameters": {"negative_prompt": "", "eta": 0.0},
        "backbone": {
            "name": "flux1-dev",
            "source": "black-forest-labs/FLUX.1-dev",
            "revision": "3de623fc3c33e44ffbe2bad470d0f45bccf2eb21",
        },
        "scheduler": {"name": "own", "class": None, "overrides": {}},
        "steps": 28,
        "guidance_scale": 3.5,
        "width": 1024,
        "height": 1024,
        "dtype": "bfloat16",
        "prompt_transform": "none",
        "text_length": 512,
    }
    settings = GenerationSettings(backbone="flux1-dev", dtype="bfloat16")
    assert PLUGIN.configure(settings, {}).identity() == golden
    schnell = PLUGIN.configure(GenerationSettings(backbone="flux1-schnell"), {}).identity()
    assert schnell["backbone"]["revision"] == "741f7c3ce8b383c54771c7003378a50191e9efe9"
    assert (schnell["steps"], schnell["guidance_scale"], schnell["text_length"]) == (4, 0.0, 256)


def test_other_commits_and_folders_are_known_for_what_they_are(
    flux_folder: Path, schnell_folder: Path, tmp_path: Path
) -> None:
    other = resolve(f"black-forest-labs/FLUX.1-schnell@{'a' * 40}")
    assert (other.family, other.defaults) == (FLUX, resolve("flux1-schnell").defaults)
    assert other.identity()["revision"] == "a" * 40
    dev, schnell = resolve(str(flux_folder)), resolve(str(schnell_folder))
    assert dev.defaults == Defaults(28, 3.5, "own", 256, 256, 512)
    assert schnell.defaults == Defaults(4, 0.0, "own", 256, 256, 256)
    # A repository nobody knows is taken for Stable Diffusion, until its files are here.
    stranger = resolve(f"org/flux@{'b' * 40}")
    cache = tmp_path / "models--org--flux" / "snapshots" / ("b" * 40)
    shutil.copytree(flux_folder, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
        with pytest.raises(UserError, match=rf"holds a FluxPipeline.*--backbone {cache}"):
            load_pipeline(stranger, offline=True)


@pytest.mark.parametrize(
    ("parameters", "settings", "message"),
    [
        ({"negative_prompt": "x"}, {}, "negative_prompt has no effect on FLUX"),
        ({"eta": "0.5"}, {}, "eta has no effect on FLUX"),
        ({}, {"scheduler": "ddim"}, "--scheduler ddim is for models that predict noise"),
        ({}, {"width": 520}, r"--width 520 is not an image size .* multiple of 16"),
        ({}, {"guidance_scale": 0.5}, r"--guidance-scale 0\.5 is out of range"),
        ({}, {"steps": 0}, r"--steps 0 is too few.*default 28"),
    ],
)
def test_settings_that_make_no_sense(
    parameters: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        PLUGIN.configure(GenerationSettings(backbone="flux1-dev", **settings), parameters)


SERVED = {"comfyui", "hf-inference", "openai-images"}
"""Methods that have no backbone here."""


@pytest.mark.parametrize("name", sorted({*plugins.names("method")} - SERVED))
def test_methods_that_cannot_run_on_it_refuse_before_anything_is_loaded(name: str) -> None:
    plugin = plugins.load("method", name)
    settings = GenerationSettings(backbone="flux1-dev")
    if name == "best-of-n":
        made = plugin.configure(settings, {"judge": "owlvit"})
        assert made.identity()["backbone"]["name"] == "flux1-dev"
    elif name in WITH_LORA:
        with pytest.raises(UserError, match="--set lora="):
            plugin.configure(settings, {})
    elif name in RUNS_ON_FLUX:
        assert plugin.configure(settings, {}).identity()["backbone"]["name"] == "flux1-dev"
    else:
        with pytest.raises(UserError, match=r"flux1-dev"):
            plugin.configure(settings, {})
