"""Boxes as corners (x0, y0, x1, y1) in pixels: moved by regression, clipped, thinned out."""

from __future__ import annotations

import math

import numpy as np
import torch

from ..torchvision_ops import torchvision_ops

_LARGEST_GROWTH = math.log(1000.0 / 16)


def moved(boxes: torch.Tensor, deltas: torch.Tensor, weights: tuple[float, float]) -> torch.Tensor:
    """Boxes (n, 4) after the regression ``deltas`` (n, 4): dx, dy, dw, dh.

    ``weights`` divide the shift and the growth (R-CNN's box coding); growth is limited to 62.5.
    """
    size = boxes[:, 2:] - boxes[:, :2]
    centre = boxes[:, :2] + 0.5 * size
    centre = deltas[:, :2] / weights[0] * size + centre
    size = torch.exp((deltas[:, 2:] / weights[1]).clamp(max=_LARGEST_GROWTH)) * size
    return torch.cat([centre - 0.5 * size, centre + 0.5 * size], dim=1)


def clipped(boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Boxes (n, 4) inside an image of ``size`` (height, width)."""
    height, width = size
    x, y = boxes[:, 0::2].clamp(0, width), boxes[:, 1::2].clamp(0, height)
    return torch.stack([x[:, 0], y[:, 0], x[:, 1], y[:, 1]], dim=1)


def has_area(boxes: torch.Tensor) -> torch.Tensor:
    """bool (n,): wider and higher than zero."""
    return (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])


def keep_best(
    boxes: torch.Tensor,
    scores: torch.Tensor,
    groups: torch.Tensor,
    overlap: float,
    most: int,
) -> torch.Tensor:
    """Greedy non-maximum suppression within each group.

    Args:
        boxes: float32 (n, 4).
        scores: float32 (n,).
        groups: int64 (n,); boxes of different groups do not suppress one another.
        overlap: a box goes when its IoU with a kept one is greater.
        most: how many to keep over all groups.

    Returns:
        int64 (m,), indices of the kept boxes, best score first; ties keep the given order.
    """
    ops = torchvision_ops()
    if ops is not None:
        kept: torch.Tensor = ops.batched_nms(boxes, scores, groups, overlap)[:most]
        return kept
    order = torch.sort(scores, descending=True, stable=True).indices
    corners, kinds = boxes[order].cpu().numpy(), groups[order].cpu().numpy()
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    alive = np.ones(len(corners), dtype=bool)
    chosen: list[int] = []
    for i in range(len(corners)):
        if not alive[i]:
            continue
        chosen.append(i)
        if len(chosen) == most:
            break
        rest = np.flatnonzero(alive & (kinds == kinds[i]))
        rest = rest[rest > i]
        size = np.minimum(corners[i, 2:], corners[rest, 2:])
        size = size - np.maximum(corners[i, :2], corners[rest, :2])
        shared = np.prod(np.maximum(size, 0), axis=1)
        # Of two boxes without area it is 0/0, which is not greater than anything.
        with np.errstate(invalid="ignore"):
            alive[rest[shared / (areas[i] + areas[rest] - shared) > overlap]] = False
    return order[chosen]
