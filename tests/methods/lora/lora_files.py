"""Random LoRAs, the models they make of small ones by plain algebra, and files in every layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
RANK, ALPHA = 4, 7.0


@dataclass(frozen=True)
class Pair:
    """The two matrices of one module and its alpha."""

    down: Any
    up: Any
    alpha: float = ALPHA

    @property
    def change(self) -> Any:
        """What a linear weight grows by: alpha / rank * up @ down."""
        return self.alpha / self.down.shape[0] * (self.up @ self.down)


def small_unet(**options: Any) -> Any:
    """A UNet of two blocks with random weights; small, since every test merges or adapts a copy."""
    import torch
    from diffusers import UNet2DConditionModel

    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=4,
        use_linear_projection=True,
        **options,
    )


def random_lora(model: Any, ends: tuple[str, ...] = ATTENTION, varied: bool = False) -> Any:
    """A pair for every linear layer whose name has one of the ends, large enough to be seen.

    With ``varied``, every second module has another rank and another alpha.
    """
    import torch

    generator = torch.Generator().manual_seed(5)
    pairs: dict[str, Pair] = {}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name.endswith(ends):
            odd = varied and len(pairs) % 2
            rank, alpha = (2, 3.0) if odd else (RANK, ALPHA)
            down = torch.randn(rank, module.in_features, generator=generator) / 4
            up = torch.randn(module.out_features, rank, generator=generator) / 4
            pairs[name] = Pair(down, up, alpha)
    assert len(pairs) > 1
    return pairs


def merge(model: Any, pairs: Mapping[str, Pair]) -> Any:
    """The directly adapted model: the changes added to the weights, in place."""
    import torch

    with torch.no_grad():
        for name, pair in pairs.items():
            weight = model.get_submodule(name).weight
            weight += pair.change.view(weight.shape)
    return model


def bits(model: Any) -> dict[str, Any]:
    """A copy of every weight of a model."""
    return {key: value.clone() for key, value in model.state_dict().items()}


def assert_same_bits(model: Any, before: Mapping[str, Any]) -> None:
    """Every weight is there, by the same name, and none has changed in a bit."""
    import torch

    after = model.state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def write(path: Path, tensors: Mapping[str, Any], metadata: dict[str, str] | None = None) -> Path:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path, metadata)
    return path


def kohya(pairs: Mapping[str, Pair], prefix: str = "lora_unet_") -> dict[str, Any]:
    """The tensors of kohya's sd-scripts: names joined by underscores, an alpha a module."""
    import torch

    tensors = {}
    for name, pair in pairs.items():
        stem = prefix + name.replace(".", "_")
        tensors[f"{stem}.lora_down.weight"] = pair.down
        tensors[f"{stem}.lora_up.weight"] = pair.up
        tensors[f"{stem}.alpha"] = torch.tensor(pair.alpha)
    return tensors


def old_diffusers(pairs: Mapping[str, Pair]) -> dict[str, Any]:
    """diffusers before peft: attention processors with down and up; no alpha."""
    tensors = {}
    for name, pair in pairs.items():
        block, _, last = name.removesuffix(".0").rpartition(".")
        tensors[f"unet.{block}.processor.{last}_lora.down.weight"] = pair.down
        tensors[f"unet.{block}.processor.{last}_lora.up.weight"] = pair.up
    return tensors


def fused(pair: Pair, model: Any, names: list[str]) -> dict[str, Pair]:
    """One pair for query, key and value together, as three."""
    sizes = [model.get_submodule(name).out_features for name in names]
    return {
        name: Pair(pair.down, up, pair.alpha)
        for name, up in zip(names, pair.up.split(sizes), strict=True)
    }


def xlabs(model: Any, double: int | None = None) -> tuple[dict[str, Any], dict[str, Pair]]:
    """XLabs' tensors for the first double blocks and the first single block, and what they mean.

    ``double`` is how many double blocks; None for all.
    """
    import torch

    generator = torch.Generator().manual_seed(6)
    width = model.config.num_attention_heads * model.config.attention_head_dim

    def pair(rows: int, columns: int = width) -> Pair:
        down = torch.randn(2, columns, generator=generator) / 4
        return Pair(down, torch.randn(rows, 2, generator=generator) / 4, alpha=2.0)

    tensors: dict[str, Any] = {}
    meant: dict[str, Pair] = {}

    def add(key: str, made: Pair, targets: list[str]) -> None:
        tensors[f"{key}.down.weight"], tensors[f"{key}.up.weight"] = made.down, made.up
        meant.update(fused(made, model, targets))

    for i in range(len(model.transformer_blocks) if double is None else double):
        block, here = f"double_blocks.{i}.processor", f"transformer_blocks.{i}.attn"
        add(f"{block}.qkv_lora1", pair(3 * width), [f"{here}.to_{x}" for x in "qkv"])
        add(f"{block}.qkv_lora2", pair(3 * width), [f"{here}.add_{x}_proj" for x in "qkv"])
        add(f"{block}.proj_lora1", pair(width), [f"{here}.to_out.0"])
        add(f"{block}.proj_lora2", pair(width), [f"{here}.to_add_out"])
    block, here = "single_blocks.0.processor", "single_transformer_blocks.0"
    add(f"{block}.qkv_lora", pair(3 * width), [f"{here}.attn.to_{x}" for x in "qkv"])
    columns = model.get_submodule(f"{here}.proj_out").in_features
    add(f"{block}.proj_lora", pair(width, columns), [f"{here}.proj_out"])
    return tensors, meant


def save_by_peft(model: Any, pairs: Mapping[str, Pair], folder: Path) -> Path:
    """Adapt a model with peft itself and let peft save the adapter; the model stays adapted."""
    import torch
    from peft import LoraConfig, get_peft_model

    rare = {name: pair for name, pair in pairs.items() if pair.alpha != ALPHA}
    config = LoraConfig(
        r=RANK,
        lora_alpha=int(ALPHA),
        target_modules=list(pairs),
        rank_pattern={name: pair.down.shape[0] for name, pair in rare.items()},
        alpha_pattern={name: int(pair.alpha) for name, pair in rare.items()},
    )
    wrapped = get_peft_model(model, config)
    with torch.no_grad():
        for name, pair in pairs.items():
            layer = wrapped.base_model.model.get_submodule(name)
            layer.lora_A["default"].weight.copy_(pair.down)
            layer.lora_B["default"].weight.copy_(pair.up)
    wrapped.save_pretrained(folder)
    return folder


def save_by_diffusers(pairs: Mapping[str, Pair], folder: Path, part: str = "unet") -> Path:
    """The file of ``save_lora_weights`` with the adapter's configuration in its header.

    ``part`` is ``unet``, or ``transformer`` for FLUX.
    """
    import torch
    from diffusers import FluxPipeline, StableDiffusionPipeline
    from peft import LoraConfig

    tensors = {}
    for name, pair in pairs.items():
        tensors[f"{name}.lora_A.weight"], tensors[f"{name}.lora_B.weight"] = pair.down, pair.up
    config = LoraConfig(r=RANK, lora_alpha=int(ALPHA), target_modules=sorted(pairs)).to_dict()
    assert all(torch.is_tensor(value) for value in tensors.values())
    options = {f"{part}_lora_layers": tensors, f"{part}_lora_adapter_metadata": config}
    pipeline = StableDiffusionPipeline if part == "unet" else FluxPipeline
    pipeline.save_lora_weights(folder, **options)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
