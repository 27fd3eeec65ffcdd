"""The region proposal network: anchors at every position, scored, moved and thinned out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from .backbone import NormConv2d
from .boxes import clipped, has_area, keep_best, moved
from .pyramid import CHANNELS, STRIDES

ANCHORS = 9
PER_LEVEL = 1000
IN_ALL = 1000
OVERLAP = 0.7


class Head(nn.Module):
    """Objectness and box regression, the same weights at every level."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = NormConv2d(CHANNELS, CHANNELS, 3, norm=False)
        self.objectness_logits = NormConv2d(CHANNELS, ANCHORS, 1, norm=False)
        self.anchor_deltas = NormConv2d(CHANNELS, ANCHORS * 4, 1, norm=False)

    def forward(self, feature: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, 256, h, w) to logits (h * w * 9,) and deltas (h * w * 9, 4), anchors innermost."""
        hidden = F.relu(self.conv(feature))
        logits = self.objectness_logits(hidden)[0].permute(1, 2, 0).reshape(-1)
        deltas = self.anchor_deltas(hidden)[0].permute(1, 2, 0).reshape(-1, 4)
        return logits, deltas


class ProposalGenerator(nn.Module):
    """Detectron2's RPN with three sizes and three shapes of anchor a level."""

    def __init__(self) -> None:
        super().__init__()
        self.rpn_head = Head()

    def forward(
        self, features: Sequence[torch.Tensor], size: tuple[int, int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The regions of one image that look like objects.

        Args:
            features: P3 ... P7, each (1, 256, h, w).
            size: height and width of the image without its padding.

        Returns:
            boxes (n, 4) in pixels and objectness logits (n,), best first, n at most 1000.
        """
        boxes, scores, levels = [], [], []
        for level, (feature, stride) in enumerate(zip(features, STRIDES, strict=True)):
            logits, deltas = self.rpn_head(feature)
            best, index = logits.topk(min(PER_LEVEL, len(logits)))
            anchors = level_anchors(feature.shape[-2], feature.shape[-1], stride)
            boxes.append(moved(anchors.to(deltas.device)[index], deltas[index], (1.0, 1.0)))
            scores.append(best)
            levels.append(torch.full_like(index, level))
        all_boxes = clipped(torch.cat(boxes), size)
        there = has_area(all_boxes)
        all_boxes, all_scores = all_boxes[there], torch.cat(scores)[there]
        kept = keep_best(all_boxes, all_scores, torch.cat(levels)[there], OVERLAP, IN_ALL)
        return all_boxes[kept], all_scores[kept]


def level_anchors(height: int, width: int, stride: int) -> torch.Tensor:
    """Anchors (height * width * 9, 4) in pixels, centred on multiples of the stride."""
    y = torch.arange(height, dtype=torch.float32) * stride
    x = torch.arange(width, dtype=torch.float32) * stride
    grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
    shifts = torch.stack([grid_x, grid_y, grid_x, grid_y], dim=-1).reshape(-1, 1, 4)
    return (shifts + anchor_shapes(stride)).reshape(-1, 4)


def anchor_shapes(stride: int) -> torch.Tensor:
    """The anchors (9, 4) centred on the origin.

    Sides are 4, 4 * 2^(1/3) and 4 * 2^(2/3) strides, each as high to wide as 1:2, 1:1 and 2:1.
    """
    shapes = []
    for size in (4 * stride * 2 ** (third / 3) for third in range(3)):
        for ratio in (0.5, 1.0, 2.0):
            half_width = math.sqrt(size * size / ratio) / 2
            half_height = ratio * half_width
            shapes.append([-half_width, -half_height, half_width, half_height])
    return torch.tensor(shapes)
