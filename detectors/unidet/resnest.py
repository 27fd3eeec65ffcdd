"""ResNeSt-200 (radix 2, cardinality 1) as the RS200 model has it.

Zhang et al., "ResNeSt: Split-Attention Networks", section 3; strides are taken by average pooling.
"""

from __future__ import annotations

import functools

import torch
import torch.nn.functional as F
from torch import nn

from .layers import NormConv2d
from .resnet import BottomUp

BLOCKS = (3, 24, 36, 3)
RADIX = 2


class DeepStem(nn.Module):
    """Three 3x3 convolutions and 3x3 pooling: stride 4, 128 channels."""

    channels = 128

    def __init__(self) -> None:
        super().__init__()
        self.conv1_1 = NormConv2d(3, 64, 3, 2)
        self.conv1_2 = NormConv2d(64, 64, 3)
        self.conv1_3 = NormConv2d(64, self.channels, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) to (n, 128, h / 4, w / 4)."""
        for conv in (self.conv1_1, self.conv1_2, self.conv1_3):
            x = F.relu(conv(x))
        return F.max_pool2d(x, 3, 2, 1)


class SplitAttention(nn.Module):
    """A 3x3 convolution into two splits, mixed channel by channel with weights that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        splits = width * RADIX
        inner = max(splits // 4, 32)
        self.conv = nn.Conv2d(width, splits, 3, padding=1, groups=RADIX, bias=False)
        self.bn0 = nn.BatchNorm2d(splits)
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.fc2 = nn.Conv2d(inner, splits, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, width, h, w) to the same shape."""
        splits = F.relu(self.bn0(self.conv(x))).chunk(RADIX, dim=1)
        pooled = functools.reduce(torch.add, splits).mean((2, 3), keepdim=True)
        logits = self.fc2(F.relu(self.bn1(self.fc1(pooled)))).chunk(RADIX, dim=1)
        weights = torch.stack(logits).softmax(0)
        weighted = [w * split for w, split in zip(weights, splits, strict=True)]
        mixed: torch.Tensor = functools.reduce(torch.add, weighted)
        return mixed


class SplitBottleneck(nn.Module):
    """1x1, split attention, pooling where there is a stride, 1x1, and a pooled shortcut."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut = NormConv2d(inputs, outputs, 1) if inputs != outputs else None
        self.conv1 = NormConv2d(inputs, width, 1)
        self.conv2 = SplitAttention(width)
        self.conv3 = NormConv2d(width, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        out = self.conv2(F.relu(self.conv1(x)))
        if self.stride > 1:
            out = F.avg_pool2d(out, 3, self.stride, padding=1)
        if self.shortcut is not None:
            if self.stride > 1:
                x = F.avg_pool2d(
                    x, self.stride, self.stride, ceil_mode=True, count_include_pad=False
                )
            x = self.shortcut(x)
        return F.relu(self.conv3(out) + x)


def resnest200() -> BottomUp:
    """The RS200 model's backbone."""
    return BottomUp(DeepStem(), DeepStem.channels, SplitBottleneck, BLOCKS)
