"""A network of no weights, for tests of what is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from spatialbench.plugins.requirements import Requirement
from spatialbench.stages.quality.networks import Network


class Means(Network):
    """The features of an image are its mean colour."""

    def __init__(self, name: str) -> None:
        super().__init__("cpu")
        self.name = name

    def identity(self) -> dict[str, Any]:
        return {"network": self.name}

    def requirement(self) -> Requirement:
        raise AssertionError

    def opened(self) -> Any:
        return object()

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        return np.array([np.asarray(image).mean((0, 1)) for image in images], np.float32)
