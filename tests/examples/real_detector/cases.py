"""One operation each, with odd sizes and every setting that the package follows.

``tensorflow_js.json`` holds what TensorFlow.js computes for them, in this order;
``tests/measurements/centernet_against_tfjs.py`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .tiny_graph import Array

EXPECTED = Path(__file__).with_name("tensorflow_js.json")

_RANDOM = np.random.default_rng(14)


@dataclass(frozen=True)
class Case:
    """An operation, its inputs and attributes; ``output`` says which of its outputs is meant."""

    op: str
    inputs: Sequence[Array]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    output: str = "out"


def _floats(*shape: int) -> Array:
    """Multiples of an eighth between -4 and 4."""
    return _RANDOM.integers(-32, 33, shape) / 8


def _convolution(padding: str, stride: int = 1, dilation: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "padding": padding,
        "strides": [1, stride, stride, 1],
        "dilations": [1, dilation, dilation, 1],
        "data_format": "NHWC",
        **more,
    }


def _pool(padding: str, stride: int) -> dict[str, Any]:
    window = {"ksize": [1, 3, 2, 1], "strides": [1, stride, stride, 1]}
    return {**window, "padding": padding, "data_format": "NHWC"}


def _resized(*size: int) -> Case:
    plain = {"align_corners": False, "half_pixel_centers": False}
    return Case("ResizeBilinear", [_floats(1, 3, 4, 2), np.array(size)], plain)


_IMAGE = _floats(1, 5, 6, 2)
_BIASED: dict[str, Any] = {"fused_ops": ["BiasAdd", "Relu"], "num_args": 1}
_MASKS = {"begin_mask": 1, "end_mask": 2, "ellipsis_mask": 0, "new_axis_mask": 0}
_INTEGERS = [np.array([7, -7, 6, -1]), np.array(3)]
_TIES = np.array([[1.0, 3.0, 2.0, 3.0, 2.0, 2.0], [0.0, 0.0, 5.0, 0.0, 0.0, 0.0]])

CASES = (
    Case("Conv2D", [_IMAGE, _floats(3, 2, 2, 3)], _convolution("SAME", stride=2)),
    Case("Conv2D", [_IMAGE, _floats(2, 3, 2, 3)], _convolution("SAME", dilation=2)),
    Case("Conv2D", [_IMAGE, _floats(3, 3, 2, 1)], _convolution("VALID", stride=2)),
    Case("DepthwiseConv2dNative", [_IMAGE, _floats(3, 3, 2, 2)], _convolution("SAME", stride=2)),
    Case("DepthwiseConv2dNative", [_IMAGE, _floats(2, 2, 2, 1)], _convolution("VALID")),
    Case(
        "_FusedConv2D",
        [_IMAGE, _floats(2, 2, 2, 3), _floats(3)],
        _convolution("SAME", **_BIASED),
    ),
    Case(
        "FusedDepthwiseConv2dNative",
        [_IMAGE, _floats(3, 3, 2, 1), _floats(2)],
        _convolution("SAME", stride=2, **{**_BIASED, "fused_ops": ["BiasAdd", "Relu6"]}),
    ),
    Case("MaxPool", [_IMAGE - 5], _pool("SAME", 2)),
    Case("MaxPool", [_IMAGE], _pool("VALID", 1)),
    _resized(6, 8),
    _resized(5, 7),
    _resized(2, 3),
    Case("TopKV2", [_TIES, np.array(4)], {"sorted": True}),
    Case("TopKV2", [_TIES, np.array(4)], {"sorted": True}, "out:1"),
    Case(
        "StridedSlice",
        [_floats(4, 5), np.array([2, 1]), np.array([3, 2]), np.array([1, 2])],
        {**_MASKS, "shrink_axis_mask": 0},
    ),
    Case("GatherV2", [_floats(3, 4), np.array([[2, 0], [1, 1]]), np.array(1)], {"batch_dims": 0}),
    Case("FloorDiv", _INTEGERS),
    Case("FloorMod", _INTEGERS),
    Case("Mean", [_IMAGE, np.array([1, 2])], {"keep_dims": True}),
    Case("Mean", [_IMAGE, np.array([3])], {"keep_dims": False}),
    Case("ConcatV2", [_floats(2, 1), _floats(2, 3), np.array(-1)], {"N": 2}),
    Case("Reshape", [_IMAGE, np.array([3, -1])]),
    Case("ExpandDims", [_floats(2, 3), np.array(-1)]),
    Case("Cast", [np.array([True, False])], {"SrcT": "DT_BOOL", "DstT": "DT_FLOAT"}),
    Case("Cast", [np.array([1.75, -1.75])], {"SrcT": "DT_FLOAT", "DstT": "DT_INT32"}),
    Case("Equal", [np.array([1.0, 2.0, 3.0]), np.array(2.0)]),
    Case("Add", [_floats(2, 3), _floats(3)]),
    Case("Sub", [_floats(2, 3), _floats(2, 1)]),
    Case("Mul", [_floats(2, 3), _floats(3)]),
    Case("Identity", [_floats(3)]),
    Case("Relu", [_floats(6)]),
    Case("Relu6", [_floats(6) * 4]),
    Case("Sigmoid", [_floats(6)]),
)
