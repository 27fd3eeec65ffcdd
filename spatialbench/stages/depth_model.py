"""What estimates depth, as the stage and its models share it, and the models by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import unknown_name
from ..plugins import Rule
from ..plugins.evidence import DEPTH
from ..plugins.requirements import Requirement
from ..prompts import Key
from ..runs.expected import Expected

if TYPE_CHECKING:
    from PIL import Image

_TOP = 65535


class DepthModel(ABC):
    """A model of relative depth with its weights chosen."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that decides the maps; plain JSON, nothing is loaded."""

    @abstractmethod
    def signature(self) -> str:
        """One word for the result signature, such as ``Depth-Anything-V2-Small-hf@5426e4f``."""

    @abstractmethod
    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        """Relative depth of RGB images: float32 of shape (height, width) each, larger is nearer."""

    def levels(self, depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8 | np.uint16]:
        """A map as it is stored, 8- or 16-bit; by default stretched over 16 bits."""
        low, high = float(depth.min()), float(depth.max())
        scaled = (depth - low) * (_TOP / (high - low)) if high > low else np.zeros_like(depth)
        return np.round(scaled).astype(np.uint16)

    def requirements(self) -> Sequence[Requirement]:
        """What it needs; loads no model. By default nothing is asked before it is used."""
        return ()

    def download(self) -> None:
        """Get what it takes from the network, without loading it; by default nothing."""
        return


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A depth model that is part of this package.

    Attributes:
        summary: what it is, in one line.
        module: where its ``depth_model(weights, device, offline)`` and ``fetch()`` stand.
    """

    summary: str
    module: str

    def configure(self, weights: str | None, device: str, offline: bool) -> DepthModel:
        """The model with these weights; None for its own. Raises UserError as the model's."""
        made: DepthModel = self._module.depth_model(weights, device, offline)
        return made

    def fetch(self) -> list[Path]:
        """Download its own weights. Raises UserError where they cannot be had."""
        found: list[Path] = self._module.fetch()
        return found

    @property
    def _module(self) -> Any:
        return import_module(f"{__package__}.{self.module}")


DEPTH_MODELS: Mapping[str, NamedModel] = {
    "depth-anything": NamedModel("Depth Anything V2, as its authors prepare it", "depth_anything"),
    "dpt-hybrid": NamedModel("DPT-hybrid (MiDaS 3.0) at 480 x 480, 8-bit maps", "dpt_hybrid"),
    "ground-plane": NamedModel(
        "the lower its foot, the nearer an object: for the lab's images, no weights", "ground_plane"
    ),
}
"""By the name that a user types, the default first."""


def asking(rule: Rule, expected: Expected) -> list[Key]:
    """The images whose depth a rule asks for, in run order."""
    asked = {prompt.id for prompt in expected.prompts if DEPTH in rule.needs_of(prompt)}
    return [key for key in expected.keys() if key[0] in asked]  # noqa: SIM118


def named_model(given: str, device: str, offline: bool) -> DepthModel:
    """The model of ``NAME`` or ``NAME:WEIGHTS``.

    Raises:
        UserError: an unknown name, or weights that the model does not take.
    """
    name, _, weights = given.partition(":")
    if name not in DEPTH_MODELS:
        raise unknown_name("depth model", name, DEPTH_MODELS)
    return DEPTH_MODELS[name].configure(weights or None, device, offline)
