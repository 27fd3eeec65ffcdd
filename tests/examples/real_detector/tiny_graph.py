"""Small models in the format of TensorFlow.js, written as its converter writes them."""

from __future__ import annotations

import base64
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

DTYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}
ONES = [1, 1, 1, 1]


class TinyModel:
    """A graph under construction; ``nodes`` and ``specs`` may be spoilt before it is written."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.specs: list[dict[str, Any]] = []
        self.content = b""

    def const(self, name: str, values: npt.ArrayLike, packing: dict[str, Any] | None = None) -> str:
        """A weight: float32 of decimal fractions, int32 or bool; ``packing`` is its quantization.

        With a packing the values are those that are stored.
        """
        array = np.asarray(values)
        kinds = {"f": "float32", "i": "int32", "b": "bool"}
        kind = "float32" if packing else kinds[array.dtype.kind]
        spec: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": kind}
        if packing:
            spec["quantization"] = packing
        self.specs.append(spec)
        self.content += array.astype(packing["dtype"] if packing else kind).tobytes()
        return self.node("Const", name, dtype=DTYPES[kind])

    def node(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        """A node; its name, for the nodes that take it as an input."""
        attr = {key: _attribute(value) for key, value in attributes.items()}
        self.nodes.append({"name": name, "op": op, "input": list(inputs), "attr": attr})
        return name

    def write(self, folder: Path) -> Path:
        """``centernet.json`` with its weights in two files beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        half = len(self.content) // 2
        Path(folder, "group1.bin").write_bytes(self.content[:half])
        Path(folder, "group2.bin").write_bytes(self.content[half:])
        document = {
            "format": "graph-model",
            "modelTopology": {"node": self.nodes, "versions": {"producer": 27, "minConsumer": 0}},
            "weightsManifest": [{"paths": ["group1.bin", "group2.bin"], "weights": self.specs}],
        }
        path = folder / "centernet.json"
        path.write_text(json.dumps(document))
        return path


def _attribute(value: Any) -> dict[str, Any]:
    """An attribute as protobuf's JSON has it: whole numbers in quotes, text in base64."""
    if isinstance(value, bool):
        return {"b": value}
    if isinstance(value, int):
        return {"i": str(value)}
    if isinstance(value, str):
        if value.startswith("DT_"):
            return {"type": value}
        return {"s": base64.b64encode(value.encode()).decode()}
    parts = [_attribute(one) for one in value]
    return {"list": {key: [part[key] for part in parts] for key in parts[0]} if parts else {}}


def packed(folder: Path, archive: Path) -> Path:
    """The folder as the archive of ``npm pack``: everything under ``package/models/``."""
    with tarfile.open(archive, "w:gz") as file:
        file.add(folder, "package/models")
    return archive


def one_node(op: str, inputs: Sequence[Array], attributes: Mapping[str, Any]) -> TinyModel:
    """A graph of one operation, ``out``, on constants."""
    model = TinyModel()
    names = [model.const(f"input{place}", values) for place, values in enumerate(inputs)]
    model.node(op, "out", *names, **attributes)
    return model


CELL, CELLS = 16, 32
APPLE, BROCCOLI = 47, 50
"""Of COCO's 80 classes, from 0."""


def colour_finder(bright: float = 0, box: Sequence[float] = (0.0, 0.0, CELL, CELL)) -> TinyModel:
    """A CenterNet of hand-made weights: a red cell of 16 pixels is an apple, a green one broccoli.

    Its boxes are the cells: scores sigmoid(red / 128 - 4) for a whole cell of that red (0 to 255),
    where green and blue count against it, and likewise for green. Everything behind the two maps is
    as in the published graph.

    Args:
        bright: how much the first pixel of a cell makes it a person; by default nothing does.
        box: how far a box reaches from the cell's corner: left, up, right, down.
    """
    model = TinyModel()
    pixels = model.node("Placeholder", "tower_0/images", shape=[], dtype="DT_FLOAT")
    kernel = np.zeros((CELL, CELL, 3, 80))
    kernel[..., APPLE] = np.array([1, -1, -1]) / (128 * CELL**2)
    kernel[..., BROCCOLI] = np.array([-1, 1, -1]) / (128 * CELL**2)
    kernel[0, 0, :, 0] = bright
    stride: dict[str, Any] = {
        "strides": [1, CELL, CELL, 1],
        "dilations": ONES,
        "data_format": "NHWC",
    }
    found = model.node(
        "Conv2D", "found", pixels, model.const("kernel", kernel), padding="SAME", **stride
    )
    logits = model.node("Sub", "logits", found, model.const("four", 4.0))
    maps = model.node("Identity", "tower_0/keypoints", model.node("Sigmoid", "maps", logits))
    sizes = model.node(
        *("_FusedConv2D", "sizes", pixels, model.const("none", np.zeros((CELL, CELL, 3, 4)))),
        model.const("box", [float(side) for side in box]),
        **{**stride, "padding": "VALID", "fused_ops": ["BiasAdd", "Relu"], "num_args": 1},
    )
    peaks = model.node(
        *("MaxPool", "peaks", maps),
        ksize=[1, 3, 3, 1],
        strides=ONES,
        padding="SAME",
        data_format="NHWC",
    )
    alone = model.node("Cast", "alone", model.node("Equal", "equal", maps, peaks), DstT="DT_FLOAT")
    flat = model.node(
        "Reshape", "flat", model.node("Mul", "kept", maps, alone), model.const("row", [1, -1])
    )
    best = model.node("TopKV2", "best", flat, model.const("k", 4), sorted=True)
    classes, cells, last = (
        model.const(name, value) for name, value in (("80", 80), ("32", CELLS), ("last", -1))
    )
    place = model.node("FloorDiv", "place", f"{best}:1", classes)
    name = model.node("FloorMod", "name", f"{best}:1", classes)
    y, x = model.node("FloorDiv", "y", place, cells), model.node("FloorMod", "x", place, cells)
    size = model.node(
        *("GatherV2", "size", model.node("Reshape", "list", sizes, model.const("by4", [-1, 4]))),
        *(model.node("Reshape", "where", place, model.const("line", [-1])), model.const("axis", 0)),
        batch_dims=0,
    )
    size = model.node("Reshape", "size1", size, model.const("by14", [1, -1, 4]))
    step = model.const("step", float(CELL))
    corners = []
    for number, (along, sign) in enumerate(((x, "Sub"), (y, "Sub"), (x, "Add"), (y, "Add"))):
        column = model.node(
            *("StridedSlice", f"column{number}", size),
            *(
                model.const(f"{word}{number}", [0, 0, value])
                for word, value in (("begin", number), ("end", number + 1))
            ),
            model.const(f"by{number}", [1, 1, 1]),
            begin_mask=3,
            end_mask=3,
            ellipsis_mask=0,
            new_axis_mask=0,
            shrink_axis_mask=0,
        )
        wide = model.node("ExpandDims", f"wide{number}", along, last)
        real = model.node("Cast", f"real{number}", wide, DstT="DT_FLOAT")
        pixel = model.node("Mul", f"pixel{number}", real, step)
        corners.append(model.node(sign, f"corner{number}", pixel, column))
    scores = model.node("ExpandDims", "scores", best, last)
    named = model.node("ExpandDims", "named", name, last)
    whole = model.node("Cast", "whole", named, DstT="DT_FLOAT")
    table = model.node("ConcatV2", "table", *corners, scores, whole, last)
    model.node("Identity", "tower_0/detections", table)
    return model
