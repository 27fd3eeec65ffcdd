"""ResNet-50 as Detectron2 builds it for the R50 model: the stride sits in the first 1x1."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from .layers import NormConv2d

BLOCKS = (3, 4, 6, 3)

Block = Callable[[int, int, int, int], nn.Module]
"""Makes a block from the numbers of channels in, within and out, and the stride."""


class Stem(nn.Module):
    """7x7 convolution and 3x3 pooling: stride 4, 64 channels."""

    channels = 64

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = NormConv2d(3, self.channels, 7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) to (n, 64, h / 4, w / 4)."""
        return F.max_pool2d(F.relu(self.conv1(x)), 3, 2, 1)


class Bottleneck(nn.Module):
    """1x1 (with the stride), 3x3, 1x1, and a projected shortcut where the width changes."""

    def __init__(self, inputs: int, width: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut = NormConv2d(inputs, outputs, 1, stride) if inputs != outputs else None
        self.conv1 = NormConv2d(inputs, width, 1, stride)
        self.conv2 = NormConv2d(width, width, 3)
        self.conv3 = NormConv2d(width, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride)."""
        out = F.relu(self.conv2(F.relu(self.conv1(x))))
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.conv3(out) + shortcut)


class BottomUp(nn.Module):
    """A stem and four stages; stages 3 to 5 go on to the pyramid.

    ``res2`` to ``res5`` give 256, 512, 1024 and 2048 channels at strides 4, 8, 16 and 32.
    """

    def __init__(
        self, stem: nn.Module, channels: int, block: Block, blocks: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.stem = stem
        outputs, width = 256, 64
        for stage, count in enumerate(blocks, start=2):
            layers = []
            for i in range(count):
                stride = 2 if i == 0 and stage > 2 else 1
                layers.append(block(channels, width, outputs, stride))
                channels = outputs
            self.add_module(f"res{stage}", nn.Sequential(*layers))
            outputs, width = outputs * 2, width * 2

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(n, 3, h, w) to the outputs of ``res3``, ``res4`` and ``res5``."""
        x = self.stem(x)
        features = []
        for stage in range(2, 6):
            x = self.get_submodule(f"res{stage}")(x)
            features.append(x)
        return features[1:]


def resnet50() -> BottomUp:
    """The R50 model's backbone."""
    return BottomUp(Stem(), Stem.channels, Bottleneck, BLOCKS)
