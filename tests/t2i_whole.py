"""Outputs of T2I-CompBench's official code, and the images and weights that they were made of.

The fixture ``t2i_whole`` goes over two folders of one layout: ``t2i_whole`` in the reference data,
and the one that ``SPATIALBENCH_T2I_WHOLE`` names.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.reference_data import reference

if TYPE_CHECKING:
    # Every process of a test run reads this module, also those that need no torch.
    import torch

VARIABLE = "SPATIALBENCH_T2I_WHOLE"


@dataclass(frozen=True)
class Whole:
    """A folder with ``blip``, ``clip``, ``dpt``, ``prompts``, ``text`` and ``three_in_one``."""

    folder: Path

    def file(self, *parts: str) -> Path:
        """Cases of this folder; the test is skipped where it has none of that name."""
        path = Path(self.folder, *parts)
        if not path.exists():
            pytest.skip(f"{path} is not there")
        return path

    def json(self, *parts: str) -> Any:
        """The content of a file of cases."""
        return json.loads(self.file(*parts).read_text("utf-8"))

    def beside(self, *parts: str) -> Path:
        """What cases are read with, such as a vocabulary: of this folder, else of the reference."""
        path = Path(self.folder, *parts)
        return path if path.exists() else reference("t2i_whole", *parts)

    def keys(self, model: str) -> dict[str, Any]:
        """``keys.json`` of a model: official names, shapes, and transformers' names."""
        found: dict[str, Any] = json.loads(self.beside(model, "keys.json").read_text("utf-8"))
        return found


@pytest.fixture(scope="session", params=["reference", "others"])
def t2i_whole(request: pytest.FixtureRequest) -> Whole:
    """Each folder of official outputs that is there."""
    if request.param == "reference":
        return Whole(reference("t2i_whole"))
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(f"{VARIABLE} is not set: it names a folder of further official outputs")
    reference()
    return Whole(Path(given))


def filled(shapes: dict[str, Any], prefix: str = "", ties: Any = None) -> dict[str, torch.Tensor]:
    """The weights that the official model had: of these names and shapes.

    Args:
        prefix: in front of the names while they are filled.
        ties: from which name others are copied.
    """
    import torch

    from tests.detectors.official import module

    empty = {prefix + name: torch.empty(shape) for name, shape in shapes.items()}
    found = {k.removeprefix(prefix): v for k, v in module().fill(empty).items()}
    for name, source in (ties or {}).items():
        found[name] = found[source]
    return found


def own_names(state: dict[str, torch.Tensor], keys: Any) -> dict[str, torch.Tensor]:
    """The same weights under transformers' names, by the map of a ``keys.json``."""
    ways = {name: targets for name, _, _, targets in keys["keys"]}
    found = {}
    for name, value in state.items():
        for target, how in ways[name]:
            if how == "transpose":
                found[target] = value.T.contiguous()
            elif how.startswith("rows third"):
                found[target] = value.chunk(3)[int(how.rsplit(" ", 1)[1])].clone()
            else:
                assert how == "same", how
                found[target] = value
    return found


def painted(told: Any) -> Image.Image:
    """The image that the official model saw."""
    from tests.detectors.official import module

    plain = module().picture(told["w"], told["h"])
    changed = {
        "none": lambda x: x,
        "fliplr": lambda x: x[:, ::-1],
        "flipud": lambda x: x[::-1],
        "bgr": lambda x: x[..., ::-1],
        "gbr": lambda x: x[..., [1, 2, 0]],
        "invert": lambda x: 255 - x,
        "rollx": lambda x: np.roll(x, told["w"] // 3, axis=1),
    }
    pixels = np.ascontiguousarray(changed[told["op"]](plain))
    if told.get("mode") == "RGBA":
        alpha = changed["rollx"](plain)[..., :1]
        return Image.fromarray(np.concatenate([pixels, alpha], axis=2), "RGBA")
    image = Image.fromarray(pixels)
    return image.convert("L") if told.get("mode") == "L" else image
