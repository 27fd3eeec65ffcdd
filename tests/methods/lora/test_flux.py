"""A LoRA of any layout on a FLUX pipeline from the disk, and the method with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from spatialbench.backbones.named import resolve
from spatialbench.backbones.pipelines import load_pipeline
from spatialbench.methods.lora import PLUGIN
from spatialbench.methods.lora.adaptation import adapt_from_file
from spatialbench.methods.lora.lora_file import find_lora
from spatialbench.methods.stable_diffusion import PLUGIN as PLAIN
from spatialbench.plugins import GenerationSettings, ImageRequest
from spatialbench.prompts import Prompt
from tests.methods.lora.lora_files import (
    Pair,
    assert_same_bits,
    bits,
    fused,
    kohya,
    merge,
    random_lora,
    save_by_diffusers,
    save_by_peft,
    write,
    xlabs,
)

Written = tuple[Path, dict[str, Pair]]


def _peft(model: Any, folder: Path) -> Written:
    pairs = random_lora(model, varied=True)
    return save_by_peft(copy.deepcopy(model), pairs, folder), pairs


def _diffusers(model: Any, folder: Path) -> Written:
    pairs = random_lora(model)
    return save_by_diffusers(pairs, folder, "transformer"), pairs


def _kohya(model: Any, folder: Path) -> Written:
    generator = torch.Generator().manual_seed(6)
    width = model.config.num_attention_heads * model.config.attention_head_dim
    down = torch.randn(4, width, generator=generator) / 4
    pair = Pair(down, torch.randn(3 * width, 4, generator=generator) / 4)
    pairs = fused(pair, model, [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"])
    return write(folder / "k.safetensors", kohya({"double_blocks.0.img_attn.qkv": pair})), pairs


def _xlabs(model: Any, folder: Path) -> Written:
    tensors, pairs = xlabs(model)
    return write(folder / "xlabs.safetensors", tensors), pairs


@pytest.fixture(scope="module")
def pipe(flux_folder: Path) -> Any:
    return load_pipeline(resolve(str(flux_folder)))


def sampled(pipe: Any) -> torch.Tensor:
    return pipe(
        "a dog above a cat",
        num_inference_steps=1,
        height=32,
        width=32,
        generator=torch.Generator().manual_seed(3),
        output_type="latent",
    ).images


@pytest.mark.parametrize("layout", [_peft, _diffusers, _kohya, _xlabs])
def test_loaded_equals_directly_adapted_and_unloading_leaves_no_trace(
    pipe: Any, tmp_path: Path, layout: Callable[[Any, Path], Written]
) -> None:
    model = pipe.transformer
    file, pairs = layout(model, tmp_path / "lora")
    before = bits(model)
    plain = sampled(pipe)
    pipe.transformer = merge(copy.deepcopy(model), pairs)
    expected = sampled(pipe)
    pipe.transformer = model
    assert (plain - expected).abs().max() > 1e-2, "a LoRA without effect would equal anything"
    done = adapt_from_file(pipe, find_lora(str(file)))
    try:
        assert done.names == {("transformer", name) for name in pairs}
        torch.testing.assert_close(sampled(pipe), expected, atol=1e-5, rtol=1e-5)
    finally:
        done.remove()
    assert_same_bits(model, before)
    assert torch.equal(sampled(pipe), plain)


def test_the_method_on_flux(flux_folder: Path, pipe: Any, tmp_path: Path) -> None:
    file, pairs = _xlabs(pipe.transformer, tmp_path)
    settings = GenerationSettings(backbone=str(flux_folder), steps=2, height=32, width=32)
    requests = [ImageRequest(Prompt("0", "a dog above a cat", "above"), 0, 42)]

    def image(plugin: Any, folder: Path = flux_folder, **given: Any) -> np.ndarray:
        chosen = replace(settings, backbone=str(folder))
        return np.asarray(plugin.configure(chosen, given).generate(requests)[0], int)

    adapted = load_pipeline(resolve(str(flux_folder)))
    merge(adapted.transformer, pairs)
    adapted.save_pretrained(tmp_path / "merged")
    plain, with_lora = image(PLAIN), image(PLUGIN, lora=str(file))
    assert np.abs(with_lora - image(PLAIN, tmp_path / "merged")).max() <= 1
    assert np.abs(with_lora - plain).max() > 1
    np.testing.assert_array_equal(image(PLUGIN, lora=str(file), scale=0), plain)
    identity = PLUGIN.configure(settings, {"lora": str(file)}).identity()
    assert identity["text_length"] == 512
    assert identity["lora"]["sha256"].startswith(identity["lora"]["name"])
