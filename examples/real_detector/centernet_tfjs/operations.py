"""What each operation of TensorFlow does, in torch; images lie as (batch, height, width, channel).

An operation takes the node's attributes and its input tensors. It raises ValueError for an
attribute it does not follow: nothing is computed otherwise than TensorFlow would.
Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Attributes = Mapping[str, Any]
Operation = Callable[..., Tensor | tuple[Tensor, ...]]

_DTYPES = {"DT_FLOAT": torch.float32, "DT_INT32": torch.int32, "DT_BOOL": torch.bool}


def _only(attributes: Attributes, **expected: object) -> None:
    """Refuse an attribute with another value than the one that is computed here."""
    for name, value in expected.items():
        if attributes.get(name, value) != value:
            raise ValueError(f"{name} is {attributes[name]!r}, and only {value!r} is known here")


def _padded(x: Tensor, window: Sequence[int], attributes: Attributes, value: float = 0) -> Tensor:
    """Channels first, with TensorFlow's SAME padding: where it is odd, one more at the end."""
    x = x.permute(0, 3, 1, 2)
    if attributes["padding"] == "VALID":
        return x
    _only(attributes, padding="SAME")
    sides: list[int] = []
    for axis in (2, 1):  # pad() takes the last axis first
        length, stride = x.shape[axis + 1], attributes["strides"][axis]
        reach = (window[axis - 1] - 1) * attributes.get("dilations", [1] * 4)[axis] + 1
        missing = max((math.ceil(length / stride) - 1) * stride + reach - length, 0)
        sides += [missing // 2, missing - missing // 2]
    return functional.pad(x, sides, value=value)


def _convolution(attributes: Attributes, x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """``weight`` as torch has it: (out, in / groups, height, width)."""
    _only(attributes, data_format="NHWC")
    result = functional.conv2d(
        _padded(x, weight.shape[2:], attributes),
        weight,
        stride=attributes["strides"][1:3],
        dilation=attributes["dilations"][1:3],
        groups=groups,
    )
    return result.permute(0, 2, 3, 1)


def _conv(attributes: Attributes, x: Tensor, weight: Tensor) -> Tensor:
    return _convolution(attributes, x, weight.permute(3, 2, 0, 1), 1)


def _depthwise(attributes: Attributes, x: Tensor, weight: Tensor) -> Tensor:
    height, width, channels, times = weight.shape
    weight = weight.permute(2, 3, 0, 1).reshape(channels * times, 1, height, width)
    return _convolution(attributes, x, weight, channels)


def _fused(convolution: Callable[..., Tensor]) -> Operation:
    """A convolution with what follows it: a bias, a nonlinearity."""

    def fused(attributes: Attributes, x: Tensor, weight: Tensor, *biases: Tensor) -> Tensor:
        y = convolution(attributes, x, weight)
        steps = list(attributes["fused_ops"])
        if steps[:1] == ["BiasAdd"]:
            y = y + biases[0]
            steps = steps[1:]
        for step in steps:
            if step not in _AFTER:
                raise ValueError(f"{step!r} behind a convolution is not known here")
            y = _AFTER[step](y)
        return y

    return fused


def _max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    _only(attributes, data_format="NHWC")
    window = attributes["ksize"][1:3]
    x = _padded(x, window, attributes, -math.inf)
    return functional.max_pool2d(x, window, attributes["strides"][1:3]).permute(0, 2, 3, 1)


def _resize_bilinear(attributes: Attributes, x: Tensor, size: Tensor) -> Tensor:
    """Pixel i of n lies at i * old / n, as TensorFlow 1 has it: torch has no such mode."""
    _only(attributes, align_corners=False, half_pixel_centers=False)
    for axis, length in zip((2, 1), size.flip(0).tolist(), strict=True):
        old = x.shape[axis]
        place = torch.arange(length, device=x.device) * (old / length)
        low = place.floor().long()
        between = (place - low).reshape([-1] + [1] * (3 - axis))
        first = x.index_select(axis, low)
        x = first + (x.index_select(axis, (low + 1).clamp(max=old - 1)) - first) * between
    return x


def _top_k(attributes: Attributes, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """Of equal values the first comes first, which torch.topk does not promise."""
    rows = x.reshape(-1, x.shape[-1])
    lowest = rows.topk(int(k)).values[:, -1:]
    chosen = []
    for row, least in zip(rows, lowest, strict=True):
        near = (row >= least).nonzero()[:, 0]
        chosen.append(near[row[near].sort(descending=True, stable=True).indices[: int(k)]])
    indices = torch.stack(chosen).reshape(*x.shape[:-1], int(k))
    return x.gather(-1, indices), indices.int()


def _gather(attributes: Attributes, x: Tensor, indices: Tensor, axis: Tensor) -> Tensor:
    _only(attributes, batch_dims=0)
    along = int(axis) % x.dim()
    shape = (*x.shape[:along], *indices.shape, *x.shape[along + 1 :])
    return x.index_select(along, indices.flatten()).reshape(shape)


def _strided_slice(
    attributes: Attributes, x: Tensor, begin: Tensor, end: Tensor, strides: Tensor
) -> Tensor:
    _only(attributes, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
    cuts = []
    for axis, cut in enumerate(torch.stack([begin, end, strides], 1).tolist()):
        first = None if attributes.get("begin_mask", 0) >> axis & 1 else cut[0]
        last = None if attributes.get("end_mask", 0) >> axis & 1 else cut[1]
        cuts.append(slice(first, last, cut[2]))
    return x[tuple(cuts)]


def _mean(attributes: Attributes, x: Tensor, axes: Tensor) -> Tensor:
    return x.mean(axes.flatten().tolist(), keepdim=attributes.get("keep_dims", False))


_AFTER: Mapping[str, Callable[[Tensor], Tensor]] = {
    "Relu": torch.relu,
    "Relu6": functional.relu6,
}

OPERATIONS: Mapping[str, Operation] = {
    "Add": lambda _, x, y: x + y,
    "Cast": lambda attributes, x: x.to(_DTYPES[attributes["DstT"]]),
    "ConcatV2": lambda _, *parts: torch.cat(parts[:-1], int(parts[-1])),
    "Conv2D": _conv,
    "DepthwiseConv2dNative": _depthwise,
    "Equal": lambda _, x, y: x == y,
    "ExpandDims": lambda _, x, axis: x.unsqueeze(int(axis)),
    "FloorDiv": lambda _, x, y: x.div(y, rounding_mode="floor"),
    "FloorMod": lambda _, x, y: x.remainder(y),
    "FusedDepthwiseConv2dNative": _fused(_depthwise),
    "GatherV2": _gather,
    "Identity": lambda _, x: x,
    "MaxPool": _max_pool,
    "Mean": _mean,
    "Mul": lambda _, x, y: x * y,
    "Relu": lambda _, x: torch.relu(x),
    "Relu6": lambda _, x: functional.relu6(x),
    "Reshape": lambda _, x, shape: x.reshape(shape.tolist()),
    "ResizeBilinear": _resize_bilinear,
    "Sigmoid": lambda _, x: x.sigmoid(),
    "StridedSlice": _strided_slice,
    "Sub": lambda _, x, y: x - y,
    "TopKV2": _top_k,
    "_FusedConv2D": _fused(_conv),
}
