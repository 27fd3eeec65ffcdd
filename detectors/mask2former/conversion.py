"""From a Mask2Former checkpoint of mmdet to transformers' model, key by key."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spatialbench.prompts import COCO_NAMES
from spatialbench.weights.loading import check_keys
from spatialbench.weights.state_dicts import fit

from .naming import OWN, is_mmdet2, mmdet2_name, source

if TYPE_CHECKING:
    import torch

_UNFOLD_ORDER = (0, 2, 1, 3)
"""Swin takes the four pixels of a patch column by column, ``nn.Unfold`` row by row."""


def swin_small() -> Any:
    """Mask2Former Swin-S for COCO instances with no weights yet, as GenEval's config builds it.

    ``mask2former_swin-s-p4-w7-224_lsj_8x2_50e_coco.py`` of mmdet 2.x: 100 queries, 80 classes.
    """
    import transformers
    from transformers.initialization import no_init_weights

    backbone = transformers.SwinConfig(
        embed_dim=96,
        depths=[2, 2, 18, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.0,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.Mask2FormerConfig(
        backbone_config=backbone,
        id2label=dict(enumerate(COCO_NAMES)),
        label2id={name: i for i, name in enumerate(COCO_NAMES)},
    )
    with no_init_weights():
        return transformers.Mask2FormerForUniversalSegmentation(config)


def load_mmdet(model: Any, checkpoint: Mapping[str, torch.Tensor], what: str) -> None:
    """Put a checkpoint with the names of mmdet 2.x or 3.x into a model like :func:`swin_small`.

    Args:
        model: a transformers Mask2Former with a Swin backbone; ready to infer afterwards.
        checkpoint: the official ``state_dict``.
        what: what to call it in an error.

    Raises:
        UserError: keys missing, unexpected or misshapen, under the checkpoint's own names, or
            weights that are not finite.
    """
    import torch

    wanted = model.state_dict()
    own = {name: torch.ones_like(value) for name, value in wanted.items() if name.startswith(OWN)}
    sources = {name: source(name) for name in wanted if name not in own}
    old = is_mmdet2(list(checkpoint))
    places = {
        name: mmdet2_name(place.name) if old else place.name for name, place in sources.items()
    }
    shapes: dict[str, list[int]] = {}
    for name, place in places.items():
        first, *rest = wanted[name].shape
        shapes[place] = [first if sources[name].third is None else 3 * first, *rest]
        if place.endswith("relative_position_bias_table"):
            # A constant that transformers computes; mmdet stores it.
            index = place.replace("bias_table", "index")
            shapes[index] = [_window(first) ** 2] * 2
    check_keys(
        what,
        {
            "missing_keys": shapes.keys() - checkpoint.keys(),
            "unexpected_keys": checkpoint.keys() - shapes.keys(),
            "mismatched_keys": [
                f"{name} {list(checkpoint[name].shape)} instead of {shape}"
                for name, shape in shapes.items()
                if name in checkpoint and list(checkpoint[name].shape) != shape
            ],
        },
    )
    converted = dict(own)
    for name, lies in sources.items():
        value = checkpoint[places[name]]
        if lies.third is not None:
            value = value.chunk(3)[lies.third]
        converted[name] = _sliced_order(value) if lies.unfolded else value
    fit(model, converted, what)


def _window(biases: int) -> int:
    """Side of the attention window with that many relative positions, (2 w - 1)^2."""
    return (math.isqrt(biases) + 1) // 2


def _sliced_order(value: torch.Tensor) -> torch.Tensor:
    """The last axis as (pixel, channel) instead of (channel, pixel), pixels in Swin's order."""
    by_pixel = value.reshape(*value.shape[:-1], -1, len(_UNFOLD_ORDER))[..., list(_UNFOLD_ORDER)]
    return by_pixel.transpose(-1, -2).reshape(value.shape)
