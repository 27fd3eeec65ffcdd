"""LoRA files of odd numbers, shapes and configurations: hand algebra's strength, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spatialbench.errors import UserError
from spatialbench.methods.lora.adaptation import adapt
from spatialbench.methods.lora.layers import layers_of
from spatialbench.methods.lora.lora_file import METADATA_KEY, find_lora, read_lora
from tests.methods.lora.lora_files import (
    ALPHA,
    RANK,
    Pair,
    fused,
    kohya,
    random_lora,
    write,
)
from tests.tiny_models import tiny_flux_transformer


@pytest.fixture(scope="module")
def pairs(unet: Any) -> dict[str, Pair]:
    return dict(list(random_lora(unet).items())[:3])


def put(
    folder: Path, tensors: Any, models: Any, config: Any = None, header: Any = None
) -> dict[str, torch.Tensor]:
    """What each module's weight grows by, from a file in a folder and put beside the models."""
    path = write(folder / "adapter_model.safetensors", tensors, header)
    if config is not None:
        (folder / "adapter_config.json").write_text(json.dumps(config))
    layers = layers_of(read_lora(find_lora(str(path))), models)
    adapt(models, layers).remove()
    return {
        one.module: one.scaling * torch.einsum("or,r...->o...", one.up.flatten(1), one.down)
        for one in layers
    }


def by_peft(pairs: dict[str, Pair]) -> dict[str, Any]:
    tensors = {}
    for name, pair in pairs.items():
        tensors[f"base_model.model.{name}.lora_A.weight"] = pair.down
        tensors[f"base_model.model.{name}.lora_B.weight"] = pair.up
    return tensors


CONFIG = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA}


@pytest.mark.parametrize("where", ["tensor", "one tensor", "configuration", "pattern", "header"])
def test_a_negative_alpha_is_refused(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, where: str
) -> None:
    tensors, config, header = kohya(pairs), None, None
    alphas = [key for key in tensors if key.endswith(".alpha")]
    if where.endswith("tensor"):
        for key in alphas[: 1 if where == "one tensor" else None]:
            tensors[key] = torch.tensor(-ALPHA)
    elif where == "header":
        tensors = {key: value for key, value in tensors.items() if key not in alphas}
        header = {"ss_network_alpha": "-7"}
    else:
        more = {"alpha_pattern": {"to_q": -1}} if where == "pattern" else {"lora_alpha": -7}
        tensors, config = by_peft(pairs), CONFIG | more
    with pytest.raises(UserError, match=r"says alpha -\d for unet\."):
        put(tmp_path, tensors, {"unet": unet}, config, header)


@pytest.mark.parametrize(
    "kind", [torch.int8, torch.uint8, torch.int32, torch.bool, torch.complex64]
)
def test_matrices_of_another_kind_of_number_are_refused(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, kind: torch.dtype
) -> None:
    tensors = kohya(pairs)
    (first, *_) = [key for key in tensors if key.endswith("lora_up.weight")]
    tensors[first] = (tensors[first] * 8).to(kind)
    said = rf"holds {str(kind)[6:]} where numbers with a fraction belong \({first}\)"
    with pytest.raises(UserError, match=said):
        put(tmp_path, tensors, {"unet": unet})


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float8_e4m3fn, torch.float64])
def test_matrices_of_other_precisions_keep_their_strength(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, kind: torch.dtype
) -> None:
    rounded = {
        name: Pair(pair.down.to(kind), pair.up.to(kind), pair.alpha) for name, pair in pairs.items()
    }
    tensors = kohya(rounded)
    for key in tensors:
        if key.endswith(".alpha"):
            tensors[key] = torch.tensor([7])  # a whole number, in a tensor of one
    layers = layers_of(
        read_lora(find_lora(str(write(tmp_path / "a.safetensors", tensors)))), {"unet": unet}
    )
    for one in layers:
        pair = rounded[one.module]
        expected = ALPHA / RANK * (pair.up.double() @ pair.down.double())
        torch.testing.assert_close(one.scaling * (one.up.double() @ one.down.double()), expected)


def test_convolutions_of_other_ranks(unet: Any, tmp_path: Path) -> None:
    """LoCon: down has the kernel, up is one pixel; each layer has its own rank."""
    generator = torch.Generator().manual_seed(1)
    tensors, expected = {}, {}
    convolutions = [n for n, m in unet.named_modules() if isinstance(m, nn.Conv2d)]
    for i, name in enumerate(convolutions):
        weight, rank = unet.get_submodule(name).weight, 1 + i % 3
        down = torch.randn(rank, *weight.shape[1:], generator=generator)
        up = torch.randn(weight.shape[0], rank, 1, 1, generator=generator)
        stem = "lora_unet_" + name.replace(".", "_")
        tensors[f"{stem}.lora_down.weight"], tensors[f"{stem}.lora_up.weight"] = down, up
        tensors[f"{stem}.alpha"] = torch.tensor(2.0)
        expected[name] = 2 / rank * torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down)
    found = put(tmp_path, tensors, {"unet": unet})
    assert found.keys() == expected.keys()
    for name, change in expected.items():
        torch.testing.assert_close(found[name], change)
    key = next(key for key in tensors if key.endswith("conv1.lora_up.weight"))
    for height, width in ((3, 3), (1, 2)):
        odd = tensors | {key: tensors[key].expand(-1, -1, height, width)}
        with pytest.raises(UserError, match=r"expected one pixel, \(rows, rank, 1, 1\)"):
            put(tmp_path, odd, {"unet": unet})


def test_patterns_are_for_the_names_that_the_file_has(tmp_path: Path) -> None:
    """Trained on the authors' code: the configuration knows their names and not ours."""
    model = tiny_flux_transformer()
    block = "transformer_blocks.{}.attn.to_{}"
    width = model.get_submodule(block.format(0, "q")).in_features
    generator = torch.Generator().manual_seed(2)
    expected: dict[str, Pair] = {}
    made = {}
    for i, (rank, alpha) in enumerate([(2, 3.0), (RANK, ALPHA)]):
        down = torch.randn(rank, width, generator=generator)
        pair = Pair(down, torch.randn(3 * width, rank, generator=generator), alpha)
        made[f"double_blocks.{i}.img_attn.qkv"] = pair
        expected |= fused(pair, model, [block.format(i, x) for x in "qkv"])
    first = "double_blocks.0.img_attn.qkv"
    patterns = {"rank_pattern": {first: 2}, "alpha_pattern": {r".*blocks\.0\.img_attn\.qkv": 3}}
    found = put(tmp_path, by_peft(made), {"transformer": model}, CONFIG | patterns)
    assert found.keys() == expected.keys()
    for name, pair in expected.items():
        torch.testing.assert_close(found[name], pair.change)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("modules_to_save", ["conv_out"]),
        ("target_parameters", ["conv_in.weight"]),
        ("trainable_token_indices", [1, 2]),
        ("use_rslora", "false"),
    ],
)
def test_what_else_was_trained_is_not_lost(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path, option: str, value: Any
) -> None:
    with pytest.raises(UserError, match=option):
        put(tmp_path, by_peft(pairs), {"unet": unet}, CONFIG | {option: value})


def test_the_configuration_of_another_part_is_no_alpha(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path
) -> None:
    other = {f"text_encoder.{key}": value for key, value in CONFIG.items()}
    header = {METADATA_KEY: json.dumps(other)}
    tensors = kohya(pairs)
    whole = put(tmp_path, tensors, {"unet": unet})
    assert len(whole) == len(pairs)
    plain = {key: value for key, value in tensors.items() if not key.endswith(".alpha")}
    with pytest.raises(UserError, match="its header is of text_encoder: the alpha is lost"):
        put(tmp_path, plain, {"unet": unet}, header=header)


def test_the_halves_of_two_adapters_are_no_pair(
    unet: Any, pairs: dict[str, Pair], tmp_path: Path
) -> None:
    (name, pair), *_ = pairs.items()
    tensors = {f"unet.{name}.lora_A.one.weight": pair.down}
    tensors[f"unet.{name}.lora_B.one.weight"] = pair.up
    assert put(tmp_path, tensors, {"unet": unet}).keys() == {name}
    tensors[f"unet.{name}.lora_B.two.weight"] = tensors.pop(f"unet.{name}.lora_B.one.weight")
    with pytest.raises(UserError, match="from each of the adapters one and two"):
        put(tmp_path, tensors, {"unet": unet})
