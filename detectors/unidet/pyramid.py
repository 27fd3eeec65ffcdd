"""The feature pyramid: P3 to P5 from the backbone, P6 and P7 by strided convolutions of P5."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .layers import NormConv2d
from .resnet import BottomUp

CHANNELS = 256
STRIDES = (8, 16, 32, 64, 128)


class TopBlock(nn.Module):
    """P6 and P7, each half the size of the level below."""

    def __init__(self) -> None:
        super().__init__()
        self.p6 = NormConv2d(CHANNELS, CHANNELS, 3, 2, norm=False)
        self.p7 = NormConv2d(CHANNELS, CHANNELS, 3, 2, norm=False)

    def forward(self, p5: torch.Tensor) -> list[torch.Tensor]:
        """(n, 256, h, w) to (n, 256, h / 2, w / 2) and (n, 256, h / 4, w / 4), rounded up."""
        p6 = self.p6(p5)
        return [p6, self.p7(F.relu(p6))]


class Pyramid(nn.Module):
    """Backbone and pyramid; ``norm`` says whether the pyramid's convolutions are normalised."""

    def __init__(self, bottom_up: BottomUp, *, norm: bool) -> None:
        super().__init__()
        self.bottom_up = bottom_up
        self.levels = (3, 4, 5)
        for level in self.levels:
            inputs = 2 ** (level + 6)
            self.add_module(f"fpn_lateral{level}", NormConv2d(inputs, CHANNELS, 1, norm=norm))
            self.add_module(f"fpn_output{level}", NormConv2d(CHANNELS, CHANNELS, 3, norm=norm))
        self.top_block = TopBlock()

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """(n, 3, h, w), h and w multiples of 32, to P3 ... P7, (n, 256, h / 8, w / 8) and on."""
        outputs: list[torch.Tensor] = []
        above: torch.Tensor | None = None
        features = self.bottom_up(pixels)
        for level, feature in zip(reversed(self.levels), reversed(features), strict=True):
            merged = self.get_submodule(f"fpn_lateral{level}")(feature)
            if above is not None:
                merged = merged + F.interpolate(above, scale_factor=2.0, mode="nearest")
            outputs.insert(0, self.get_submodule(f"fpn_output{level}")(merged))
            above = merged
        return [*outputs, *self.top_block(outputs[-1])]
