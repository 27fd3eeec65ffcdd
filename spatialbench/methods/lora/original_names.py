"""The names that models carry in their authors' own code, and the modules here that they stand for.

Black Forest Labs' names of FLUX join query, key and value (and in single blocks the MLP) in one
layer; Stability's names of SDXL's UNet count its blocks through. XLabs names FLUX's attention
processors. The names follow from the model at hand, so any depth and width is covered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Target:
    """The modules that one name of a file stands for.

    Attributes:
        modules: full names inside the part; of several, each takes its rows of the layer's output
            in this order.
        halves_swapped: whether the two halves of the output lie the other way round here.
    """

    modules: tuple[str, ...]
    halves_swapped: bool = False


def original_names(model: nn.Module) -> Iterator[tuple[str, Target]]:
    """Every original name, dots between its levels, of the layers that this model has."""
    kinds = {kind.__name__ for kind in type(model).__mro__}
    if "FluxTransformer2DModel" in kinds:
        names = {name for name, _ in model.named_modules()}
        for name, target in _flux(model):
            if names.issuperset(target.modules):
                yield name, target
    elif "UNet2DConditionModel" in kinds:
        yield from _unet(model)


_FLUX_OUTSIDE = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
_QKV, _ADDED = ("attn.to_q", "attn.to_k", "attn.to_v"), tuple(f"attn.add_{x}_proj" for x in "qkv")
_FLUX_DOUBLE: dict[str, tuple[str, ...]] = {
    "img_attn.qkv": _QKV,
    "txt_attn.qkv": _ADDED,
    "img_attn.proj": ("attn.to_out.0",),
    "txt_attn.proj": ("attn.to_add_out",),
    "img_mlp.0": ("ff.net.0.proj",),
    "img_mlp.2": ("ff.net.2",),
    "txt_mlp.0": ("ff_context.net.0.proj",),
    "txt_mlp.2": ("ff_context.net.2",),
    "img_mod.lin": ("norm1.linear",),
    "txt_mod.lin": ("norm1_context.linear",),
    "processor.qkv_lora1": _QKV,
    "processor.qkv_lora2": _ADDED,
    "processor.proj_lora1": ("attn.to_out.0",),
    "processor.proj_lora2": ("attn.to_add_out",),
}
_FLUX_SINGLE: dict[str, tuple[str, ...]] = {
    "linear1": (*_QKV, "proj_mlp"),
    "linear2": ("proj_out",),
    "modulation.lin": ("norm.linear",),
    "processor.qkv": _QKV,
    "processor.proj": ("proj_out",),
}


def _flux(model: Any) -> Iterator[tuple[str, Target]]:
    for name, module in _FLUX_OUTSIDE.items():
        yield name, Target((module,))
    # There shift comes before scale, here scale before shift.
    yield "final_layer.adaLN_modulation.1", Target(("norm_out.linear",), halves_swapped=True)
    for kind, blocks, layers in (
        ("double_blocks", "transformer_blocks", _FLUX_DOUBLE),
        ("single_blocks", "single_transformer_blocks", _FLUX_SINGLE),
    ):
        for i in range(len(getattr(model, blocks))):
            for name, modules in layers.items():
                yield f"{kind}.{i}.{name}", Target(tuple(f"{blocks}.{i}.{m}" for m in modules))


_UNET_OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def _unet(model: Any) -> Iterator[tuple[str, Target]]:
    levels = dict(_UNET_OUTSIDE)
    count = 1
    for b, block in enumerate(model.down_blocks):
        for i in range(len(block.resnets)):
            levels[f"down_blocks.{b}.resnets.{i}"] = f"input_blocks.{count}.0"
            levels[f"down_blocks.{b}.attentions.{i}"] = f"input_blocks.{count}.1"
            count += 1
        levels[f"down_blocks.{b}.downsamplers.0.conv"] = f"input_blocks.{count}.0.op"
        count += 1
    for there, here in enumerate(("resnets.0", "attentions.0", "resnets.1")):
        levels[f"mid_block.{here}"] = f"middle_block.{there}"
    count = 0
    for b, block in enumerate(model.up_blocks):
        attends = bool(getattr(block, "attentions", None))
        for i in range(len(block.resnets)):
            levels[f"up_blocks.{b}.resnets.{i}"] = f"output_blocks.{count}.0"
            levels[f"up_blocks.{b}.attentions.{i}"] = f"output_blocks.{count}.1"
            count += 1
        # The upsampler is the last entry of the block's last layer.
        last = f"output_blocks.{count - 1}.{1 + attends}.conv"
        levels[f"up_blocks.{b}.upsamplers.0.conv"] = last
    for name, _ in model.named_modules():
        level = next((part for part in _leading(name) if part in levels), None)
        if level is not None:
            rest = name.removeprefix(level).removeprefix(".")
            original = ".".join(filter(None, (levels[level], _RESNET.get(rest, rest))))
            yield original, Target((name,))


def _leading(name: str) -> Iterator[str]:
    """A name, and it without its last level, its last two, ..."""
    while name:
        yield name
        name = name.rpartition(".")[0]
