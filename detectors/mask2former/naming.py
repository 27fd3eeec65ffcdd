"""Where each weight of transformers' Mask2Former lies in a checkpoint of mmdet 2.x or 3.x."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SWIN = r"model\.pixel_level_module\.encoder\.swin\."
_BLOCK = r"encoder\.layers\.(\d+)\.blocks\.(\d+)\."
_BLOCK_TO = r"backbone.stages.\1.blocks.\2."
_PIXEL = r"model\.pixel_level_module\.decoder\."
_PIXEL_TO = "panoptic_head.pixel_decoder."
_PIXEL_LAYER = _PIXEL + r"encoder\.layers\.(\d+)\."
_PIXEL_LAYER_TO = _PIXEL_TO + r"encoder.layers.\1."
_QUERY = r"model\.transformer_module\."
_LAYER = _QUERY + r"decoder\.layers\.(\d+)\."
_LAYER_TO = r"panoptic_head.transformer_decoder.layers.\1."

_RULES: tuple[tuple[str, str], ...] = (
    (_SWIN + r"embeddings\.patch_embeddings\.", "backbone.patch_embed."),
    (_SWIN + r"embeddings\.norm\.", "backbone.patch_embed.norm."),
    (_SWIN + _BLOCK + r"layernorm_before\.", _BLOCK_TO + "norm1."),
    (_SWIN + _BLOCK + r"layernorm_after\.", _BLOCK_TO + "norm2."),
    (_SWIN + _BLOCK + r"attention\.[qkv]_proj\.", _BLOCK_TO + "attn.w_msa.qkv."),
    (_SWIN + _BLOCK + r"attention\.o_proj\.", _BLOCK_TO + "attn.w_msa.proj."),
    (_SWIN + _BLOCK + r"attention\.relative_position_bias\.", _BLOCK_TO + "attn.w_msa."),
    (_SWIN + _BLOCK + r"mlp\.fc1\.", _BLOCK_TO + "ffn.layers.0.0."),
    (_SWIN + _BLOCK + r"mlp\.fc2\.", _BLOCK_TO + "ffn.layers.1."),
    (_SWIN + r"encoder\.layers\.(\d+)\.downsample\.", r"backbone.stages.\1.downsample."),
    (_PIXEL + r"input_projections\.(\d+)\.0\.", _PIXEL_TO + r"input_convs.\1.conv."),
    (_PIXEL + r"input_projections\.(\d+)\.1\.", _PIXEL_TO + r"input_convs.\1.gn."),
    (_PIXEL + r"adapter_1\.0\.", _PIXEL_TO + "lateral_convs.0.conv."),
    (_PIXEL + r"adapter_1\.1\.", _PIXEL_TO + "lateral_convs.0.gn."),
    (_PIXEL + r"layer_1\.0\.", _PIXEL_TO + "output_convs.0.conv."),
    (_PIXEL + r"layer_1\.1\.", _PIXEL_TO + "output_convs.0.gn."),
    (_PIXEL + r"mask_projection\.", _PIXEL_TO + "mask_feature."),
    (_PIXEL + r"level_embed$", _PIXEL_TO + "level_encoding.weight"),
    (_PIXEL_LAYER + r"self_attn\.", _PIXEL_LAYER_TO + "self_attn."),
    (_PIXEL_LAYER + r"self_attn_layer_norm\.", _PIXEL_LAYER_TO + "norms.0."),
    (_PIXEL_LAYER + r"fc1\.", _PIXEL_LAYER_TO + "ffn.layers.0.0."),
    (_PIXEL_LAYER + r"fc2\.", _PIXEL_LAYER_TO + "ffn.layers.1."),
    (_PIXEL_LAYER + r"final_layer_norm\.", _PIXEL_LAYER_TO + "norms.1."),
    (_LAYER + r"self_attn\.[qkv]_proj\.", _LAYER_TO + "self_attn.attn.in_proj_"),
    (_LAYER + r"self_attn\.out_proj\.", _LAYER_TO + "self_attn.attn.out_proj."),
    (_LAYER + r"cross_attn\.", _LAYER_TO + "cross_attn.attn."),
    (_LAYER + r"cross_attn_layer_norm\.", _LAYER_TO + "norms.0."),
    (_LAYER + r"self_attn_layer_norm\.", _LAYER_TO + "norms.1."),
    (_LAYER + r"final_layer_norm\.", _LAYER_TO + "norms.2."),
    (_LAYER + r"fc1\.", _LAYER_TO + "ffn.layers.0.0."),
    (_LAYER + r"fc2\.", _LAYER_TO + "ffn.layers.1."),
    (_QUERY + r"decoder\.layernorm\.", "panoptic_head.transformer_decoder.post_norm."),
    (_QUERY + r"queries_embedder\.", "panoptic_head.query_embed."),
    (_QUERY + r"queries_features\.", "panoptic_head.query_feat."),
    (_QUERY + r"level_embed\.", "panoptic_head.level_embed."),
    (r"class_predictor\.", "panoptic_head.cls_embed."),
)

_STAGE_NORM = re.compile(
    r"model\.pixel_level_module\.encoder\.hidden_states_norms\.stage(\d)\.(.+)"
)
_MASK_EMBED = re.compile(_QUERY + r"decoder\.mask_predictor\.mask_embedder\.(\d)\.0\.(.+)")
_THIRD = re.compile(r"\.([qkv])_proj\.")

OWN = ("model.pixel_level_module.encoder.swin.layernorm.", "criterion.")
"""Weights of transformers' class that no prediction depends on: no checkpoint of mmdet has them."""

_TO_MMDET2 = (
    (re.compile(r"(pixel_decoder\.encoder\.layers\.\d+\.)self_attn\."), r"\1attentions.0."),
    (re.compile(r"(transformer_decoder\.layers\.\d+\.)cross_attn\."), r"\1attentions.0."),
    (re.compile(r"(transformer_decoder\.layers\.\d+\.)self_attn\."), r"\1attentions.1."),
    (re.compile(r"(panoptic_head\..*\.layers\.\d+\.)ffn\."), r"\1ffns.0."),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a weight lies: the mmdet 3.x name, and which third of a fused q, k, v it is."""

    name: str
    third: int | None

    @property
    def unfolded(self) -> bool:
        """Whether its input channels are in the order of ``nn.Unfold``, not of Swin's slices."""
        return ".downsample." in self.name


def source(name: str) -> Source:
    """The place in mmdet 3.x of the transformers parameter ``name``."""
    if stage := _STAGE_NORM.fullmatch(name):
        return Source(f"backbone.norm{int(stage[1]) - 1}.{stage[2]}", None)
    if layer := _MASK_EMBED.fullmatch(name):
        return Source(f"panoptic_head.mask_embed.{2 * int(layer[1])}.{layer[2]}", None)
    third = _THIRD.search(name)
    for pattern, replacement in _RULES:
        if re.match(pattern, name):
            place = re.sub("^" + pattern, replacement, name)
            return Source(place, "qkv".index(third[1]) if third else None)
    raise KeyError(name)


def mmdet2_name(name: str) -> str:
    """The name in mmdet 2.x, which numbers what 3.x calls by its purpose."""
    for pattern, replacement in _TO_MMDET2:
        name = pattern.sub(replacement, name)
    return name


def is_mmdet2(names: Sequence[str]) -> bool:
    """Whether a checkpoint's names are those of 2.x."""
    return any(".attentions." in name or ".ffns." in name for name in names)
