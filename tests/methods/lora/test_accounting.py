"""Every key of a LoRA file is used once, ignored because it is zero, or named in a refusal."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spatialbench.errors import UserError
from spatialbench.methods.lora.adaptation import adapt
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import LoraContent, find_lora, read_lora
from tests.methods.lora.lora_files import (
    Pair,
    fused,
    kohya,
    random_lora,
    small_unet,
    write,
    xlabs,
)
from tests.methods.lora.test_layouts import check, flux_output, sgm_name, unet_output
from tests.tiny_models import tiny_flux


@pytest.fixture(scope="module")
def pairs(unet: Any) -> dict[str, Pair]:
    return random_lora(unet)


@pytest.fixture(scope="module")
def flux() -> dict[str, Any]:
    """The three models of a FLUX pipeline that a LoRA can adapt."""
    pipe = tiny_flux()
    return {part: getattr(pipe, part) for part in ("transformer", "text_encoder", "text_encoder_2")}


def dotted(pairs: dict[str, Pair], prefix: str, alpha: bool = True) -> dict[str, Any]:
    tensors = {}
    for name, pair in pairs.items():
        tensors[f"{prefix}{name}.lora_down.weight"] = pair.down
        tensors[f"{prefix}{name}.lora_up.weight"] = pair.up
        if alpha:
            tensors[f"{prefix}{name}.alpha"] = torch.tensor(pair.alpha)
    return tensors


def at_rank(pairs: dict[str, Pair]) -> dict[str, Pair]:
    return {name: Pair(pair.down, pair.up, float(len(pair.down))) for name, pair in pairs.items()}


def counted(unet: Any, pairs: dict[str, Pair]) -> dict[str, Pair]:
    """The same by the names of SDXL's original code."""
    return {sgm_name(name, unet.config.layers_per_block): pair for name, pair in pairs.items()}


@pytest.mark.parametrize("order", [1, -1])
def test_two_spellings_in_one_file_are_both_loaded(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, order: int
) -> None:
    half, rest = dict(list(pairs.items())[::2]), dict(list(pairs.items())[1::2])
    both = [kohya(half), kohya(counted(unet, rest))][::order]
    file = write(tmp_path / "mixed.safetensors", both[0] | both[1])
    check(file, {"unet": unet}, "unet", unet_output, pairs)
    assert find_lora(str(file)).identity()["reading"] == 2, "0.1 made other images of it"


def test_one_spelling_keeps_its_identity(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, flux: dict[str, Any]
) -> None:
    for tensors in (kohya(pairs), kohya(counted(unet, pairs)), xlabs(flux["transformer"])[0]):
        identity = find_lora(str(write(tmp_path / "a.safetensors", tensors))).identity()
        assert list(identity) == ["sha256"]


SPELLINGS = {
    "LyCORIS": lambda pairs: kohya(pairs, "lycoris_"),
    "a compiled model": lambda pairs: dotted(pairs, "unet._orig_mod."),
    "a compiled model, kohya": lambda pairs: kohya(pairs, "lora_unet__orig_mod_"),
    "data parallel": lambda pairs: dotted(pairs, "module."),
    "both": lambda pairs: dotted(pairs, "_orig_mod.module.unet."),
    "names that end in _": lambda pairs: kohya({f"{name}_": pair for name, pair in pairs.items()}),
    "ComfyUI": lambda pairs: dotted(pairs, "diffusion_model."),
    "no prefix": lambda pairs: dotted(pairs, ""),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_of_a_unet(unet: Any, pairs: dict[str, Pair], tmp_path: Path, name: str) -> None:
    file = write(tmp_path / "a.safetensors", SPELLINGS[name](pairs))
    check(file, {"unet": unet}, "unet", unet_output, pairs)


@pytest.mark.parametrize("prefix", ["unet.", "diffusion_model.", "model.diffusion_model."])
def test_onetrainer_counts_the_blocks_of_a_unet(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, prefix: str
) -> None:
    file = write(tmp_path / "a.safetensors", dotted(counted(unet, pairs), prefix))
    check(file, {"unet": unet}, "unet", unet_output, pairs)


@pytest.mark.parametrize("prefix", ["lora_unet_", "lora_transformer_", "lycoris_"])
def test_spellings_of_flux(flux: dict[str, Any], tmp_path: Path, prefix: str) -> None:
    pairs = random_lora(flux["transformer"], ("to_q", "proj_out", "norm.linear"))
    file = write(tmp_path / "a.safetensors", kohya(pairs, prefix))
    check(file, flux, "transformer", flux_output, pairs)


@pytest.mark.parametrize("prefix", ["", "diffusion_model.", "transformer.", "_orig_mod."])
def test_the_authors_names_of_flux_with_the_endings_of_peft(
    flux: dict[str, Any], tmp_path: Path, prefix: str
) -> None:
    made = _qkv(flux)
    tensors = {f"{prefix}double_blocks.1.img_attn.qkv.lora_A.weight": made.down}
    tensors[f"{prefix}double_blocks.1.img_attn.qkv.lora_B.weight"] = made.up
    meant = fused(made, flux["transformer"], [f"transformer_blocks.1.attn.to_{x}" for x in "qkv"])
    file = write(tmp_path / "a.safetensors", tensors)
    check(file, flux, "transformer", flux_output, meant, matrices=6)


def _qkv(flux: dict[str, Any], alpha: float = 2.0) -> Pair:
    generator = torch.Generator().manual_seed(1)
    width = flux["transformer"].get_submodule("transformer_blocks.0.attn.to_q").in_features
    up = torch.randn(3 * width, 2, generator=generator) / 4
    return Pair(torch.randn(2, width, generator=generator), up, alpha)


def test_a_flux_file_with_three_spellings_and_t5(flux: dict[str, Any], tmp_path: Path) -> None:
    """kohya's names, diffusers' and T5's in one file: none is dropped, each keeps its alpha."""
    made = _qkv(flux, 5.0)
    model = flux["transformer"]
    meant = fused(made, model, [f"transformer_blocks.0.attn.to_{x}" for x in "qkv"])
    diffusers = random_lora(model, ("1.attn.to_q", "1.attn.to_k"))
    t5 = random_lora(flux["text_encoder_2"], ("SelfAttention.q", "wi_0"))
    clip = random_lora(flux["text_encoder"], ("q_proj", "fc1"))
    tensors = kohya({"double_blocks.0.img_attn.qkv": made}) | kohya(diffusers, "lora_transformer_")
    tensors |= kohya(t5, "lora_te3_") | kohya(clip, "lora_te1_")
    layers = layers_of(LoraContent(tensors), flux)
    found = {(one.part, one.module): one.scaling * (one.up @ one.down) for one in layers}
    expected = {("transformer", n): p.change for n, p in (meant | diffusers).items()}
    expected |= {("text_encoder_2", n): p.change for n, p in t5.items()}
    expected |= {("text_encoder", n): p.change for n, p in clip.items()}
    assert found.keys() == expected.keys()
    for place, change in expected.items():
        torch.testing.assert_close(found[place], change, msg=str(place))
    file = write(tmp_path / "a.safetensors", tensors)
    assert find_lora(str(file)).identity()["reading"] == 2


LEFT_OVER = {
    "something.else": (2,),
    "diffusion_model.double_blocks.0.img_attn.qkv.diff_b": (96,),
    "diffusion_model.double_blocks.0.img_attn.norm.query_norm.diff": (16,),
    "transformer.transformer_blocks.0.attn.to_q.lora_B.bias": (32,),
    "bundle_emb.token.clip_l": (2, 32),
    "lora_te1_text_projection.alpha": (),
    "lora_unet_double_blocks_40_img_attn_qkv.lora_down.weight": (2, 32),
    "lora_te2_foo.lora_up.weight": (2, 32),
}


@pytest.mark.parametrize("key", LEFT_OVER)
def test_what_is_left_over_is_a_refusal_and_zeros_are_said(
    flux: dict[str, Any], key: str, caplog: pytest.LogCaptureFixture
) -> None:
    tensors = dotted({"double_blocks.0.img_attn.qkv": _qkv(flux)}, "diffusion_model.")
    with pytest.raises(UserError) as refused:
        layers_of(LoraContent(tensors | {key: torch.ones(LEFT_OVER[key])}), flux)
    assert f"3 of 4 keys match this backbone and 1 do not, such as {key};" in str(refused.value)
    with caplog.at_level(logging.WARNING):
        layers = layers_of(LoraContent(tensors | {key: torch.zeros(LEFT_OVER[key])}), flux)
    assert len(layers) == 3
    assert "1 keys of layers that this backbone does not have hold only zeros" in caplog.text
    assert key in caplog.text


def test_a_pair_for_another_model_counts_as_zero_if_one_matrix_is(flux: dict[str, Any]) -> None:
    tensors = kohya({"double_blocks.0.img_attn.qkv": _qkv(flux)})
    stray = kohya({"layers_9": Pair(torch.ones(2, 4), torch.zeros(4, 2))}, "lora_te2_")
    assert len(layers_of(LoraContent(tensors | stray), flux)) == 3
    stray["lora_te2_layers_9.lora_up.weight"][0, 0] = 1
    with pytest.raises(UserError, match="3 of 6 keys match this backbone and 3 do not"):
        layers_of(LoraContent(tensors | stray), flux)


def test_a_module_named_twice_is_refused(unet: Any, pairs: dict[str, Pair]) -> None:
    twice = {name: Pair(pair.down * 2, pair.up) for name, pair in list(pairs.items())[:1]}
    for other in (dotted(twice, "unet."), kohya(counted(unet, twice))):
        with pytest.raises(UserError, match=r"names the module unet\.\S+ twice, as \S+ and as"):
            layers_of(LoraContent(kohya(pairs) | other), {"unet": unet})


def test_a_name_that_fits_two_parts_is_refused(flux: dict[str, Any]) -> None:
    text = flux["text_encoder"]
    tensors = dotted(random_lora(text, ("q_proj",)), "")
    with pytest.raises(UserError, match="fits text_encoder and text_encoder_2"):
        layers_of(LoraContent(tensors), {"text_encoder": text, "text_encoder_2": text})


OTHERS = {
    "lora_mid.weight": "LoCon with Tucker decomposition",
    "lokr_w1": "LoKr",
    "hada_w1_a": "LoHa",
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "oft_blocks": "OFT",
    "a1.weight": "GLoRA",
    "scalar": "LyCORIS",
    "on_input": "IA3",
}


@pytest.mark.parametrize("end", OTHERS)
def test_other_kinds_are_named_even_where_they_are_zero(
    unet: Any, pairs: dict[str, Pair], end: str
) -> None:
    """A scale of zero is a change."""
    stem = "lora_unet_" + next(iter(pairs)).replace(".", "_")
    with pytest.raises(UserError, match=f"is a {OTHERS[end]}.*{stem}.{end}"):
        layers_of(LoraContent(kohya(pairs) | {f"{stem}.{end}": torch.zeros(2)}), {"unet": unet})


def test_the_modules_that_changed_are_counted_in_the_models(
    unet: Any, pairs: dict[str, Pair]
) -> None:
    first, *_ = pairs
    idle = pairs | {first: Pair(pairs[first].down, torch.zeros_like(pairs[first].up))}
    parts = {"unet": unet}
    done = adapt(parts, layers_of(LoraContent(kohya(idle)), parts), scale=0.0)
    wrapped = [module for module in unet.modules() if hasattr(module, "lora_A")]
    done.remove()
    assert done.modules == len(wrapped) == len(pairs)
    assert done.changed == len(pairs) - 1
    before = unet_output(unet)
    for nothing in (
        {name: Pair(pair.down, torch.zeros_like(pair.up)) for name, pair in pairs.items()},
        {name: Pair(pair.down, pair.up, 0.0) for name, pair in pairs.items()},
    ):
        with pytest.raises(UserError, match=f"changes none of its {len(pairs)} modules"):
            adapt(parts, layers_of(LoraContent(kohya(nothing)), parts))
    assert torch.equal(unet_output(unet), before)
    assert not hasattr(unet, "peft_config")


def test_matrices_that_overflow_half_precision_are_refused(pairs: dict[str, Pair]) -> None:
    parts = {"unet": small_unet().half()}
    large = {name: Pair(pair.down * 1e6, pair.up) for name, pair in pairs.items()}
    with pytest.raises(UserError, match=r"overflows torch\.float16 at unet\..*--dtype float32"):
        adapt(parts, layers_of(LoraContent(kohya(large)), parts))


def test_a_lost_alpha_of_some_modules_is_refused(unet: Any, pairs: dict[str, Pair]) -> None:
    tensors = kohya(pairs)
    del tensors[next(key for key in tensors if key.endswith(".alpha"))]
    with pytest.raises(UserError, match=rf"alpha for {len(pairs) - 1} modules and none for 1"):
        layers_of(LoraContent(tensors), {"unet": unet})


def test_convolutions_of_a_locon_are_merged_by_hand(unet: Any, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(2)
    convolutions = {
        name: module
        for name, module in unet.named_modules()
        if isinstance(module, nn.Conv2d) and name.endswith(("conv1", "conv_shortcut"))
    }
    tensors: dict[str, torch.Tensor] = {}
    merged = copy.deepcopy(unet)
    for name, module in convolutions.items():
        down = torch.randn(2, module.in_channels, *module.kernel_size, generator=generator) / 4
        up = torch.randn(module.out_channels, 2, 1, 1, generator=generator) / 4
        tensors |= kohya({name: Pair(down, up, 3.0)})
        with torch.no_grad():
            change = 1.5 * torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down)
            merged.get_submodule(name).weight += change
    parts = {"unet": unet}
    file = write(tmp_path / "a.safetensors", tensors)
    done = adapt(parts, layers_of(read_lora(find_lora(str(file))), parts))
    try:
        torch.testing.assert_close(unet_output(unet), unet_output(merged), atol=1e-5, rtol=1e-5)
    finally:
        done.remove()
