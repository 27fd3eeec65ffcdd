"""A convolution that may carry its own batch normalisation, named as the checkpoints name it."""

from __future__ import annotations

import torch
from torch import nn


class NormConv2d(nn.Conv2d):
    """A convolution with an optional ``norm``; without one it has a bias, with one it has not."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        *,
        norm: bool = True,
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=not norm)
        self.norm = nn.BatchNorm2d(outputs) if norm else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs, h, w) to (n, outputs, h / stride, w / stride), rounded up."""
        x = super().forward(x)
        return x if self.norm is None else self.norm(x)
