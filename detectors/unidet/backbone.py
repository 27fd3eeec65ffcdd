"""ResNet-50 as Detectron2 builds it, and ResNeSt-200 (radix 2), named as the checkpoints name them.

Zhang et al., "ResNeSt: Split-Attention Networks", section 3; there, average pooling takes strides.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

RADIX = 2


class NormConv2d(nn.Conv2d):
    """A convolution with an optional ``norm``; without one it has a bias, with one it has not."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, *, norm: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        x = super().forward(x)
        return x if self.norm is None else self.norm(x)


class Stem(nn.Module):
    """One 7x7 convolution (64 channels) or three of 3x3 (128), and 3x3 pooling: stride 4."""

    def __init__(self, *, deep: bool) -> None:
        super().__init__()
        if deep:
            self.conv1_1 = NormConv2d(3, 64, 3, 2)
            self.conv1_2 = NormConv2d(64, 64, 3)
            self.conv1_3 = NormConv2d(64, 128, 3)
        else:
            self.conv1 = NormConv2d(3, 64, 7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) to (n, 64 or 128, h / 4, w / 4)."""
        for conv in self.children():
            x = F.relu(conv(x))
        return F.max_pool2d(x, 3, 2, 1)


class SplitAttention(nn.Module):
    """A 3x3 convolution into two splits, mixed channel by channel with weights that sum to 1."""

    def __init__(self, width: int) -> None:
        super().__init__()
        splits, inner = width * RADIX, max(width * RADIX // 4, 32)
        self.conv = nn.Conv2d(width, splits, 3, padding=1, groups=RADIX, bias=False)
        self.bn0 = nn.BatchNorm2d(splits)
        self.fc1 = nn.Conv2d(width, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.fc2 = nn.Conv2d(inner, splits, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, width, h, w) to the same shape."""
        count, width, height, across = x.shape
        splits = F.relu(self.bn0(self.conv(x))).view(count, RADIX, width, height, across)
        pooled = splits.sum(1).mean((2, 3), keepdim=True)
        logits: torch.Tensor = self.fc2(F.relu(self.bn1(self.fc1(pooled))))
        return (logits.view(count, RADIX, width, 1, 1).softmax(1) * splits).sum(1)


class Bottleneck(nn.Module):
    """1x1, 3x3 or split attention, 1x1, and a shortcut, projected where the width changes.

    A plain block has its stride in the first 1x1 and the shortcut; one with split attention pools.
    """

    def __init__(self, inputs: int, width: int, outputs: int, stride: int, *, split: bool) -> None:
        super().__init__()
        self.pooling = stride if split else 1
        stride = 1 if split else stride
        self.shortcut = NormConv2d(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = NormConv2d(inputs, width, 1, stride)
        self.conv2 = SplitAttention(width) if split else NormConv2d(width, width, 3)
        self.conv3 = NormConv2d(width, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        out = self.conv2(F.relu(self.conv1(x)))
        if not isinstance(self.conv2, SplitAttention):
            out = F.relu(out)
        if self.pooling > 1:
            out = F.avg_pool2d(out, 3, self.pooling, padding=1)
            x = F.avg_pool2d(x, self.pooling, ceil_mode=True, count_include_pad=False)
        if self.shortcut is not None:
            x = self.shortcut(x)
        return F.relu(self.conv3(out) + x)


class BottomUp(nn.Module):
    """A stem and four stages; ``res2`` to ``res5`` have 256 to 2048 channels, strides 4 to 32."""

    def __init__(self, blocks: tuple[int, ...], *, split: bool) -> None:
        super().__init__()
        self.stem = Stem(deep=split)
        channels, outputs, width = 128 if split else 64, 256, 64
        for stage, count in enumerate(blocks, start=2):
            layers = []
            for i in range(count):
                stride = 2 if i == 0 and stage > 2 else 1
                layers.append(Bottleneck(channels, width, outputs, stride, split=split))
                channels = outputs
            self.add_module(f"res{stage}", nn.Sequential(*layers))
            outputs, width = outputs * 2, width * 2

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(n, 3, h, w) to the outputs of ``res3``, ``res4`` and ``res5``."""
        features = [self.stem(x)]
        for stage in range(2, 6):
            features.append(self.get_submodule(f"res{stage}")(features[-1]))
        return features[2:]
