"""From the official DPT-hybrid checkpoint to transformers' model, key by key.

Source: ``UniDet_eval/experts/depth`` of Karine-Huang/T2I-CompBench @ 1b70949, which is isl-org/DPT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..weights.state_dicts import fit

if TYPE_CHECKING:
    import torch

EPSILON = 1e-6
"""Of the transformer's normalisations; transformers' own default is 1e-12."""

HEADS = 12
TAPS = (0, 1, 8, 11)
"""Two stages of the convolutional part and two blocks of the transformer, from 0."""

_UNUSED = "pretrained.model.head."
"""The classifier of ImageNet."""

_BACKBONE = "pretrained.model.patch_embed.backbone."
_NAMES = tuple(
    (re.compile(f"^{pattern}"), replacement)
    for pattern, replacement in (
        (r"pretrained\.model\.cls_token$", "dpt.embeddings.cls_token"),
        (r"pretrained\.model\.pos_embed$", "dpt.embeddings.position_embeddings"),
        (r"pretrained\.model\.patch_embed\.proj\.", "dpt.embeddings.projection."),
        (
            r"pretrained\.model\.patch_embed\.backbone\.stem\.conv\.",
            "dpt.embeddings.backbone.bit.embedder.convolution.",
        ),
        (
            r"pretrained\.model\.patch_embed\.backbone\.stem\.norm\.",
            "dpt.embeddings.backbone.bit.embedder.norm.",
        ),
        (
            r"pretrained\.model\.patch_embed\.backbone\.stages\.(\d+)\.blocks\.",
            r"dpt.embeddings.backbone.bit.encoder.stages.\1.layers.",
        ),
        (r"pretrained\.model\.blocks\.(\d+)\.norm1\.", r"dpt.encoder.layer.\1.layernorm_before."),
        (r"pretrained\.model\.blocks\.(\d+)\.norm2\.", r"dpt.encoder.layer.\1.layernorm_after."),
        (
            r"pretrained\.model\.blocks\.(\d+)\.attn\.proj\.",
            r"dpt.encoder.layer.\1.attention.output.dense.",
        ),
        (
            r"pretrained\.model\.blocks\.(\d+)\.mlp\.fc1\.",
            r"dpt.encoder.layer.\1.intermediate.dense.",
        ),
        (r"pretrained\.model\.blocks\.(\d+)\.mlp\.fc2\.", r"dpt.encoder.layer.\1.output.dense."),
        (r"pretrained\.model\.norm\.", "dpt.layernorm."),
        (r"scratch\.output_conv\.(\d+)\.", r"head.head.\1."),
    )
)
_QKV = re.compile(r"^pretrained\.model\.blocks\.(\d+)\.attn\.qkv\.(\w+)$")
_POSTPROCESS = re.compile(r"^pretrained\.act_postprocess(\d)\.(.+)\.(\w+)$")
_PARTS = {
    "0.project.0": "readout_projects.{}.0",
    "3": "layers.{}.projection",
    "4": "layers.{}.resize",
}
_LEVEL = re.compile(r"^scratch\.layer(\d)_rn\.")
_FUSION = re.compile(r"^scratch\.refinenet(\d)\.(.+)$")
_FUSED = (
    ("out_conv.", "projection."),
    ("resConfUnit1.conv", "residual_layer1.convolution"),
    ("resConfUnit2.conv", "residual_layer2.convolution"),
)


def own_names(name: str) -> Iterator[str]:
    """transformers' names of an official tensor: none, one, or three for its thirds of rows."""
    if name.startswith(_UNUSED):
        return
    if found := _QKV.match(name):
        for part in ("query", "key", "value"):
            yield f"dpt.encoder.layer.{found[1]}.attention.attention.{part}.{found[2]}"
    elif (found := _POSTPROCESS.match(name)) and found[2] in _PARTS:
        part = _PARTS[found[2]].format(int(found[1]) - 1)
        yield f"neck.reassemble_stage.{part}.{found[3]}"
    elif found := _LEVEL.match(name):
        yield f"neck.convs.{int(found[1]) - 1}.{name[found.end() :]}"
    elif found := _FUSION.match(name):
        rest = found[2]
        for theirs, ours in _FUSED:
            rest = rest.replace(theirs, ours)
        yield f"neck.fusion_stage.layers.{4 - int(found[1])}.{rest}"
    else:
        for pattern, replacement in _NAMES:
            if pattern.match(name):
                yield pattern.sub(replacement, name)
                return
        yield name


def build(
    checkpoint: Mapping[str, torch.Tensor],
    what: str,
    *,
    heads: int = HEADS,
    taps: Sequence[int] = TAPS,
) -> Any:
    """transformers' ``DPTForDepthEstimation`` with exactly these weights, ready to infer.

    The sizes are read from the checkpoint; the number of heads and the taps cannot be.

    Args:
        checkpoint: the official weights.
        what: what to call it in an error.

    Raises:
        UserError: keys missing, unexpected or misshapen (named), or weights that are not finite.
    """
    import transformers
    from transformers.initialization import no_init_weights

    with no_init_weights():
        model = transformers.DPTForDepthEstimation(_configuration(checkpoint, what, heads, taps))
    state: dict[str, torch.Tensor] = {}
    for name, value in checkpoint.items():
        names = list(own_names(name))
        parts = value.chunk(3) if len(names) == 3 else [value] * len(names)
        state |= dict(zip(names, parts, strict=True))
    fit(model, state, what)
    return model


def _configuration(
    state: Mapping[str, torch.Tensor], what: str, heads: int, taps: Sequence[int]
) -> Any:
    import transformers

    try:
        stem = state[f"{_BACKBONE}stem.conv.weight"].shape[0]
        stages = range(_count(state, rf"{re.escape(_BACKBONE)}stages\.(\d+)\."))
        depths = [
            _count(state, rf"{re.escape(_BACKBONE)}stages\.{stage}\.blocks\.(\d+)\.")
            for stage in stages
        ]
        channels = [
            state[f"{_BACKBONE}stages.{stage}.blocks.0.conv3.weight"].shape[0] for stage in stages
        ]
        hidden = state["pretrained.model.cls_token"].shape[-1]
        side = math.isqrt(state["pretrained.model.pos_embed"].shape[1] - 1)
        inner = state["pretrained.model.blocks.0.mlp.fc1.weight"].shape[0]
        levels = [state[f"scratch.layer{level}_rn.weight"].shape[:2] for level in (1, 2, 3, 4)]
    except (KeyError, IndexError) as error:
        raise UserError(
            f"{what} is not a DPT-hybrid checkpoint ({error} is missing or misshapen): give "
            "dpt_hybrid-midas-501f0c75.pt, or a folder of DPTForDepthEstimation."
        ) from error
    backbone = {
        "model_type": "bit",
        "layer_type": "bottleneck",
        "global_padding": "same",
        "embedding_dynamic_padding": True,
        "embedding_size": stem,
        "depths": depths,
        "hidden_sizes": channels,
        "out_features": [f"stage{stage + 1}" for stage in stages],
    }
    return transformers.DPTConfig(
        is_hybrid=True,
        hidden_size=hidden,
        num_hidden_layers=_count(state, r"pretrained\.model\.blocks\.(\d+)\."),
        num_attention_heads=heads,
        intermediate_size=inner,
        layer_norm_eps=EPSILON,
        image_size=side * 16,
        patch_size=16,
        backbone_out_indices=list(taps),
        backbone_featmap_shape=[1, channels[-1], side, side],
        neck_ignore_stages=[0, 1],
        readout_type="project",
        reassemble_factors=[1, 1, 1, 0.5],
        neck_hidden_sizes=[width for _, width in levels],
        fusion_hidden_size=levels[0][0],
        backbone_config=backbone,
    )


def _count(state: Mapping[str, torch.Tensor], pattern: str) -> int:
    found = [int(match[1]) for name in state if (match := re.match(pattern, name))]
    return 1 + max(found, default=-1)
