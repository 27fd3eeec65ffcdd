"""The three-stage cascade: each stage moves the boxes, and the three stages' scores are averaged.

Cai and Vasconcelos, "Cascade R-CNN", with class-agnostic boxes and one sigmoid per class, as in
UniDet (Zhou et al., "Simple Multi-dataset Detection").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from .backbone import NormConv2d
from .boxes import clipped, has_area, keep_best, moved
from .protocol import CLASSES, MOST, OVERLAP, SCORE_FLOOR
from .pyramid import CHANNELS, STRIDES
from .roi_align import BINS, roi_align

_POOLED_LEVELS = 3
_REGRESSION_WEIGHTS = ((10.0, 5.0), (20.0, 10.0), (30.0, 15.0))
_HIDDEN = 1024


@dataclass(frozen=True, slots=True)
class Found:
    """``boxes`` (n, 4), ``scores`` (n,), ``classes`` int64 (n,); best score first, n <= 300."""

    boxes: torch.Tensor
    scores: torch.Tensor
    classes: torch.Tensor


class BoxHead(nn.Module):
    """Normalised 3x3 convolutions, then fully connected layers: (n, 256, 7, 7) to (n, 1024)."""

    def __init__(self, convs: int, fcs: int) -> None:
        super().__init__()
        self.convs = [f"conv{i}" for i in range(1, convs + 1)]
        self.fcs = [f"fc{i}" for i in range(1, fcs + 1)]
        for name in self.convs:
            self.add_module(name, NormConv2d(CHANNELS, CHANNELS, 3))
        inputs = CHANNELS * BINS * BINS
        for name in self.fcs:
            self.add_module(name, nn.Linear(inputs, _HIDDEN))
            inputs = _HIDDEN

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 256, 7, 7) to (n, 1024)."""
        for name in self.convs:
            x = F.relu(self.get_submodule(name)(x))
        x = x.flatten(1)
        for name in self.fcs:
            x = F.relu(self.get_submodule(name)(x))
        return x


class Predictor(nn.Module):
    """Class logits (n, 723), background last, and box deltas (n, 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_score = nn.Linear(_HIDDEN, CLASSES + 1)
        self.bbox_pred = nn.Linear(_HIDDEN, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 1024) to (n, 723) and (n, 4)."""
        return self.cls_score(x), self.bbox_pred(x)


class Cascade(nn.Module):
    """Three box heads and predictors over P3 to P5."""

    def __init__(self, convs: int, fcs: int) -> None:
        super().__init__()
        stages = range(len(_REGRESSION_WEIGHTS))
        self.box_head = nn.ModuleList(BoxHead(convs, fcs) for _ in stages)
        self.box_predictor = nn.ModuleList(Predictor() for _ in stages)

    def forward(
        self, features: Sequence[torch.Tensor], boxes: torch.Tensor, size: tuple[int, int]
    ) -> Found:
        """Classify and move the proposals ``boxes`` (n, 4) of one image of ``size`` (h, w)."""
        scores: torch.Tensor | None = None
        for head, predictor, weights in zip(
            self.box_head, self.box_predictor, _REGRESSION_WEIGHTS, strict=True
        ):
            logits, deltas = predictor(head(pooled(features, boxes)))
            scores = logits.sigmoid() if scores is None else scores + logits.sigmoid()
            boxes = clipped(moved(boxes, deltas, weights), size)
        assert scores is not None
        return select(boxes, (scores / len(self.box_head))[:, :CLASSES])


def pooled(features: Sequence[torch.Tensor], boxes: torch.Tensor) -> torch.Tensor:
    """Box features (n, 256, 7, 7), each from the level that suits the box's size.

    A box of 224 x 224 pixels reads P4, one of twice the side P5 (Lin et al., "Feature Pyramid
    Networks", equation 1).
    """
    side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    levels = torch.floor(1 + torch.log2(side / 224 + 1e-8)).clamp(0, _POOLED_LEVELS - 1)
    result = boxes.new_zeros((len(boxes), CHANNELS, BINS, BINS))
    for level in range(_POOLED_LEVELS):
        here = levels == level
        result[here] = roi_align(features[level][0], boxes[here], 1 / STRIDES[level])
    return result


def select(boxes: torch.Tensor, scores: torch.Tensor) -> Found:
    """The detections among boxes (n, 4) with scores (n, 722): every class above the floor.

    A box may appear under several classes; boxes suppress one another within a class only.
    """
    rows, classes = (scores > SCORE_FLOOR).nonzero(as_tuple=True)
    candidates, values = boxes[rows], scores[rows, classes]
    kept = keep_best(candidates, values, classes, OVERLAP, MOST)
    found = Found(candidates[kept], values[kept], classes[kept])
    there = has_area(found.boxes)
    return Found(found.boxes[there], found.scores[there], found.classes[there])
