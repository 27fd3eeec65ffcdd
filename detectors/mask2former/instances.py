"""From queries to instances as mmdet does it: top 100, mask quality, tight boxes.

``MaskFormerFusionHead.instance_postprocess`` of mmdet 2.27.0 and 3.3.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

MOST = 100


@dataclass(frozen=True, slots=True)
class Canvas:
    """Heights and widths of one image: as padded for the model, without padding, originally."""

    padded: tuple[int, int]
    valid: tuple[int, int]
    original: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Instances:
    """What was found in one image, best score first.

    Attributes:
        boxes: float32 (n, 4), x0, y0, x1, y1 in original pixels; x1 and y1 just outside the mask.
        scores: float32 (n,).
        classes: int64 (n,).
        masks: bool (n, height, width), in original pixels.
    """

    boxes: torch.Tensor
    scores: torch.Tensor
    classes: torch.Tensor
    masks: torch.Tensor


def instances(
    class_logits: torch.Tensor, mask_logits: torch.Tensor, canvas: Canvas, floor: float
) -> Instances:
    """The instances of one image with a score above ``floor``.

    A score is a class probability times a mask quality of at most 1, so the mask of a query whose
    probability is below the floor already is never enlarged.

    Args:
        class_logits: (queries, classes + 1), "no object" last.
        mask_logits: (queries, h, w), a fraction of the padded image.
        canvas: the image's sizes.
        floor: in [0, 1].
    """
    probabilities = class_logits.softmax(-1)[:, :-1]
    top, index = probabilities.flatten().topk(min(MOST, probabilities.numel()))
    index, top = index[top > floor], top[top > floor]
    queries = index // probabilities.shape[1]
    classes = index % probabilities.shape[1]
    distinct, which = torch.unique(queries, return_inverse=True)
    height, width = canvas.original
    masks = class_logits.new_zeros((len(distinct), height, width), dtype=torch.bool)
    quality = class_logits.new_zeros(len(distinct))
    boxes = class_logits.new_zeros((len(distinct), 4))
    for i, query in enumerate(distinct.tolist()):
        enlarged = enlarge(mask_logits[query], canvas)
        masks[i] = enlarged > 0
        quality[i] = (enlarged.sigmoid() * masks[i]).sum() / (masks[i].sum() + 1e-6)
        boxes[i] = tight_box(masks[i])
    scores = top * quality[which]
    order = scores.argsort(descending=True, stable=True)
    order = order[scores[order] > floor]
    which = which[order]
    return Instances(boxes[which], scores[order], classes[order], masks[which])


def enlarge(logits: torch.Tensor, canvas: Canvas) -> torch.Tensor:
    """One query's mask logits (h, w) at the image's original size, its padding cut off."""
    padded = F.interpolate(logits[None, None], canvas.padded, mode="bilinear", align_corners=False)
    height, width = canvas.valid
    inside = padded[:, :, :height, :width]
    if canvas.original == canvas.valid:
        return inside[0, 0]
    return F.interpolate(inside, canvas.original, mode="bilinear", align_corners=False)[0, 0]


def tight_box(mask: torch.Tensor) -> torch.Tensor:
    """(4,): first and one past the last column and row of a mask (h, w); zeros when empty."""
    columns, rows = mask.any(0).nonzero()[:, 0], mask.any(1).nonzero()[:, 0]
    if not len(columns):
        return mask.new_zeros(4, dtype=torch.float32)
    return torch.stack([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()
