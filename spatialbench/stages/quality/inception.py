"""The Inception network that FID is computed with, in the published conversion to PyTorch.

It differs from the network of the same name in image libraries in three places: average pools do
not count their padding, the last block pools by maximum, and there are 1,008 classes. Source:
``src/pytorch_fid/inception.py`` of mseitzer/pytorch-fid @ 1232cd6.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

Conv = tuple[str, int, int | tuple[int, int], int]
"""Name, channels out, kernel, stride; the padding keeps the size where the stride is 1."""
Branch = Sequence[Sequence[Conv]]
"""Steps one after the other; the convolutions of a step stand side by side."""

SIDE = 299
WIDTH = 2048

ACROSS, DOWN = (1, 7), (7, 1)


class _Convolution(nn.Module):
    def __init__(
        self, inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int, padded: bool
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, sides, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.bn(self.conv(x)))


class _Block(nn.Module):
    """Branches side by side, the pool last: ``average`` or ``most`` before a convolution."""

    def __init__(self, inputs: int, branches: Sequence[Branch], pool: str, pooled: int = 0) -> None:
        super().__init__()
        self.branches = [self._branch(inputs, branch) for branch in branches]
        self.pool = pool
        self.outputs = sum(outputs for _, outputs in self.branches) + (pooled or inputs)
        if pooled:
            self.branch_pool = _Convolution(inputs, pooled, 1, 1, padded=True)

    def _branch(self, inputs: int, branch: Branch) -> tuple[list[list[str]], int]:
        names, outputs = [], inputs
        for beside in branch:
            for name, channels, kernel, stride in beside:
                made = _Convolution(outputs, channels, kernel, stride, padded=stride == 1)
                setattr(self, name, made)
            names.append([one[0] for one in beside])
            outputs = sum(one[1] for one in beside)
        return names, outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = []
        for names, _ in self.branches:
            y = x
            for beside in names:
                y = torch.cat([self.get_submodule(name)(y) for name in beside], 1)
            found.append(y)
        if self.pool == "halve":
            pooled = functional.max_pool2d(x, 3, 2)
        elif self.pool == "most":
            pooled = self.branch_pool(functional.max_pool2d(x, 3, 1, 1))
        else:
            average = functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
            pooled = self.branch_pool(average)
        return torch.cat([*found, pooled], 1)


def _chain(*steps: Conv) -> Branch:
    return [[step] for step in steps]


def _double(stride: int) -> Branch:
    last = ("branch3x3dbl_3", 96, 3, stride)
    return _chain(("branch3x3dbl_1", 64, 1, 1), ("branch3x3dbl_2", 96, 3, 1), last)


def _a(inputs: int, pooled: int) -> _Block:
    five = _chain(("branch5x5_1", 48, 1, 1), ("branch5x5_2", 64, 5, 1))
    branches = [_chain(("branch1x1", 64, 1, 1)), five, _double(1)]
    return _Block(inputs, branches, "average", pooled)


def _b(inputs: int) -> _Block:
    return _Block(inputs, [_chain(("branch3x3", 384, 3, 2)), _double(2)], "halve")


def _c(inputs: int, inner: int) -> _Block:
    seven = _chain(
        ("branch7x7_1", inner, 1, 1),
        ("branch7x7_2", inner, ACROSS, 1),
        ("branch7x7_3", 192, DOWN, 1),
    )
    double = _chain(
        ("branch7x7dbl_1", inner, 1, 1),
        ("branch7x7dbl_2", inner, DOWN, 1),
        ("branch7x7dbl_3", inner, ACROSS, 1),
        ("branch7x7dbl_4", inner, DOWN, 1),
        ("branch7x7dbl_5", 192, ACROSS, 1),
    )
    return _Block(inputs, [_chain(("branch1x1", 192, 1, 1)), seven, double], "average", 192)


def _d(inputs: int) -> _Block:
    three = _chain(("branch3x3_1", 192, 1, 1), ("branch3x3_2", 320, 3, 2))
    seven = _chain(
        ("branch7x7x3_1", 192, 1, 1),
        ("branch7x7x3_2", 192, ACROSS, 1),
        ("branch7x7x3_3", 192, DOWN, 1),
        ("branch7x7x3_4", 192, 3, 2),
    )
    return _Block(inputs, [three, seven], "halve")


def _e(inputs: int, pool: str) -> _Block:
    def crossed(name: str) -> Sequence[Conv]:
        return [(f"{name}a", 384, (1, 3), 1), (f"{name}b", 384, (3, 1), 1)]

    three = [*_chain(("branch3x3_1", 384, 1, 1)), crossed("branch3x3_2")]
    double = _chain(("branch3x3dbl_1", 448, 1, 1), ("branch3x3dbl_2", 384, 3, 1))
    double = [*double, crossed("branch3x3dbl_3")]
    return _Block(inputs, [_chain(("branch1x1", 320, 1, 1)), three, double], pool, 192)


class Inception(nn.Module):
    """The network up to its last pool; names of parameters as in the published file."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Convolution(3, 32, 3, 2, padded=False)
        self.Conv2d_2a_3x3 = _Convolution(32, 32, 3, 1, padded=False)
        self.Conv2d_2b_3x3 = _Convolution(32, 64, 3, 1, padded=True)
        self.Conv2d_3b_1x1 = _Convolution(64, 80, 1, 1, padded=False)
        self.Conv2d_4a_3x3 = _Convolution(80, 192, 3, 1, padded=False)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = _a(192, 32), _a(256, 64), _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b, self.Mixed_6c = _c(768, 128), _c(768, 160)
        self.Mixed_6d, self.Mixed_6e = _c(768, 160), _c(768, 192)
        self.Mixed_7a = _d(768)
        self.Mixed_7b, self.Mixed_7c = _e(1280, "average"), _e(2048, "most")

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features (n, 2048) of pixels (n, 3, height, width) from 0 to 1, of any size."""
        size = (SIDE, SIDE)
        x = functional.interpolate(pixels, size=size, mode="bilinear", align_corners=False)
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(functional.max_pool2d(x, 3, 2)))
        x = functional.max_pool2d(x, 3, 2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean((2, 3))
