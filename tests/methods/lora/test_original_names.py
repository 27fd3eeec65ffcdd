"""The authors' own names of layers mean what diffusers' converters of whole checkpoints say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import LoraContent
from spatialbench.methods.lora.original_names import original_names
from tests.methods.lora.lora_files import small_unet


def test_the_authors_names_of_flux_mean_what_diffusers_converts_them_to() -> None:
    """At FLUX.1's real widths: row by row what diffusers' converter of whole checkpoints says."""
    from diffusers import FluxTransformer2DModel
    from diffusers.loaders.single_file_utils import (
        convert_flux_transformer_checkpoint_to_diffusers,
    )

    with torch.device("meta"):
        flux = FluxTransformer2DModel(num_layers=1, num_single_layers=1, guidance_embeds=True)
    checkpoint, tensors, start = {}, {}, 0.0
    for name, target in original_names(flux):
        if ".processor." in name:
            continue
        modules = [flux.get_submodule(module) for module in target.modules]
        rows = sum(module.out_features for module in modules)
        values = torch.arange(start, start + rows, dtype=torch.float64)[:, None]
        start += rows
        checkpoint[f"{name}.weight"], checkpoint[f"{name}.bias"] = values, values
        tensors[f"lora_unet_{name.replace('.', '_')}.lora_up.weight"] = values
        down = torch.ones(1, modules[0].in_features, dtype=torch.float64)
        tensors[f"lora_unet_{name.replace('.', '_')}.lora_down.weight"] = down
    for norm in ("img_attn.norm", "txt_attn.norm"):
        for side in ("query_norm", "key_norm"):
            checkpoint[f"double_blocks.0.{norm}.{side}.scale"] = torch.ones(128)
    for side in ("query_norm", "key_norm"):
        checkpoint[f"single_blocks.0.norm.{side}.scale"] = torch.ones(128)
    converted = convert_flux_transformer_checkpoint_to_diffusers(checkpoint)
    layers = layers_of(LoraContent(tensors), {"transformer": flux})
    linear = {name for name, module in flux.named_modules() if isinstance(module, nn.Linear)}
    assert {layer.module for layer in layers} == linear
    for layer in layers:
        assert torch.equal(layer.up, converted[f"{layer.module}.weight"]), layer.module


@pytest.mark.parametrize("sdxl", [False, True])
def test_the_original_names_of_a_unet_are_those_that_diffusers_converts(sdxl: bool) -> None:
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    extra: dict[str, Any] = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8}
    unet = small_unet(**(extra | {"projection_class_embeddings_input_dim": 56} if sdxl else {}))
    numbered = {name: i for i, (name, _) in enumerate(original_names(unet))}
    checkpoint = {f"model.diffusion_model.{n}.weight": torch.tensor(i) for n, i in numbered.items()}
    checkpoint |= {key.replace(".weight", ".bias"): value for key, value in checkpoint.items()}
    converted = convert_ldm_unet_checkpoint(checkpoint, unet.config)
    for name, target in original_names(unet):
        assert int(converted[f"{target.modules[0]}.weight"]) == numbered[name], name
    layers = {n for n, m in unet.named_modules() if isinstance(m, (nn.Linear, nn.Conv2d))}
    assert layers <= {target.modules[0] for _, target in original_names(unet)}
