"""The feature pyramid: P3 to P5 from the backbone, P6 and P7 by strided convolutions of P5."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from .backbone import BottomUp, NormConv2d

CHANNELS = 256
STRIDES = (8, 16, 32, 64, 128)


class Pyramid(nn.Module):
    """Backbone and pyramid; ``norm`` says whether the pyramid's convolutions are normalised."""

    def __init__(self, bottom_up: BottomUp, *, norm: bool) -> None:
        super().__init__()
        self.bottom_up = bottom_up
        for level in (3, 4, 5):
            lateral = NormConv2d(2 ** (level + 6), CHANNELS, 1, norm=norm)
            self.add_module(f"fpn_lateral{level}", lateral)
            self.add_module(f"fpn_output{level}", NormConv2d(CHANNELS, CHANNELS, 3, norm=norm))
        top = {name: NormConv2d(CHANNELS, CHANNELS, 3, 2, norm=False) for name in ("p6", "p7")}
        self.top_block = nn.ModuleDict(top)

    def forward(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """(n, 3, h, w), h and w multiples of 32, to P3 ... P7, (n, 256, h / 8, w / 8) and on."""
        features = self.bottom_up(pixels)
        merged = self.get_submodule("fpn_lateral5")(features[2])
        outputs = [self.get_submodule("fpn_output5")(merged)]
        for level in (4, 3):
            lateral = self.get_submodule(f"fpn_lateral{level}")(features[level - 3])
            merged = lateral + F.interpolate(merged, scale_factor=2.0, mode="nearest")
            outputs.insert(0, self.get_submodule(f"fpn_output{level}")(merged))
        p6 = self.top_block["p6"](outputs[-1])
        return [*outputs, p6, self.top_block["p7"](F.relu(p6))]
