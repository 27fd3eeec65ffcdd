"""From an official BLIP-VQA checkpoint to transformers' model, key by key.

Source: ``BLIPvqa_eval/models`` of Karine-Huang/T2I-CompBench @ 1b70949, which is Salesforce's BLIP.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.weights.state_dicts import fit

if TYPE_CHECKING:
    import torch

HEADS = 12
"""Of the vision transformer and of both text models of the published checkpoint."""

_EPSILON = 1e-6
"""Of the vision transformer's normalisations; transformers' own default is 1e-5."""

_VISION = (
    (re.compile(r"^visual_encoder\.cls_token$"), "vision_model.embeddings.class_embedding"),
    (re.compile(r"^visual_encoder\.pos_embed$"), "vision_model.embeddings.position_embedding"),
    (
        re.compile(r"^visual_encoder\.patch_embed\.proj\.(\w+)$"),
        r"vision_model.embeddings.patch_embedding.\1",
    ),
    (
        re.compile(r"^visual_encoder\.blocks\.(\d+)\.attn\.qkv\.(\w+)$"),
        r"vision_model.encoder.layers.\1.self_attn.qkv.\2",
    ),
    (
        re.compile(r"^visual_encoder\.blocks\.(\d+)\.attn\.proj\.(\w+)$"),
        r"vision_model.encoder.layers.\1.self_attn.projection.\2",
    ),
    (
        re.compile(r"^visual_encoder\.blocks\.(\d+)\.norm(\d)\.(\w+)$"),
        r"vision_model.encoder.layers.\1.layer_norm\2.\3",
    ),
    (
        re.compile(r"^visual_encoder\.blocks\.(\d+)\.mlp\.(.+)$"),
        r"vision_model.encoder.layers.\1.mlp.\2",
    ),
    (re.compile(r"^visual_encoder\.norm\.(\w+)$"), r"vision_model.post_layernorm.\1"),
)

_POSITION_IDS = re.compile(r"\.position_ids$")


def build(
    checkpoint: Mapping[str, torch.Tensor],
    what: str,
    *,
    vision_heads: int = HEADS,
    text_heads: int = HEADS,
) -> Any:
    """transformers' ``BlipForQuestionAnswering`` with exactly these weights, ready to infer.

    The sizes are read from the checkpoint; the numbers of heads cannot be.

    Args:
        checkpoint: the official ``model``.
        what: what to call it in an error.

    Raises:
        UserError: keys missing, unexpected or misshapen (named), or weights that are not finite.
    """
    import transformers
    from transformers.initialization import no_init_weights

    model_class = transformers.BlipForQuestionAnswering
    with no_init_weights():
        model = model_class(_configuration(checkpoint, what, vision_heads, text_heads))
    state = {
        _own_name(name): value
        for name, value in checkpoint.items()
        if not _POSITION_IDS.search(name)
    }
    # Constants that transformers makes itself; older versions of both stored them.
    state |= {n: v for n, v in model.state_dict().items() if _POSITION_IDS.search(n)}
    fit(model, state, what)
    # fit() assigns each tensor by itself; the decoder's words and biases are one tensor each.
    model.tie_weights()
    return model


def _own_name(name: str) -> str:
    for pattern, replacement in _VISION:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name


def _configuration(
    state: Mapping[str, torch.Tensor], what: str, vision_heads: int, text_heads: int
) -> Any:
    import transformers

    try:
        patches = state["visual_encoder.pos_embed"].shape[1] - 1
        hidden, _, patch, _ = state["visual_encoder.patch_embed.proj.weight"].shape
        words, text_hidden = state["text_encoder.embeddings.word_embeddings.weight"].shape
        places = state["text_encoder.embeddings.position_embeddings.weight"].shape[0]
        text_inner = state["text_encoder.encoder.layer.0.intermediate.dense.weight"].shape[0]
        vision_inner = state["visual_encoder.blocks.0.mlp.fc1.weight"].shape[0]
    except (KeyError, IndexError, ValueError) as error:
        raise UserError(
            f"{what} is not a BLIP-VQA checkpoint ({error} is missing or misshapen): give "
            "model_base_vqa_capfilt_large.pth, or a folder of BlipForQuestionAnswering."
        ) from error
    vision = transformers.BlipVisionConfig(
        hidden_size=hidden,
        intermediate_size=vision_inner,
        num_hidden_layers=_layers(state, r"^visual_encoder\.blocks\.(\d+)\."),
        num_attention_heads=vision_heads,
        image_size=math.isqrt(patches) * patch,
        patch_size=patch,
        layer_norm_eps=_EPSILON,
    )
    text = transformers.BlipTextConfig(
        vocab_size=words,
        hidden_size=text_hidden,
        encoder_hidden_size=hidden,
        intermediate_size=text_inner,
        num_hidden_layers=_layers(state, r"^text_encoder\.encoder\.layer\.(\d+)\."),
        num_attention_heads=text_heads,
        max_position_embeddings=places,
    )
    return transformers.BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())


def _layers(state: Mapping[str, torch.Tensor], pattern: str) -> int:
    found = [int(match[1]) for name in state if (match := re.search(pattern, name))]
    return 1 + max(found, default=-1)
