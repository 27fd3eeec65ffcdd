"""DPT-hybrid through transformers, prepared and stored as the scorers of 3D relations do.

Source: ``UniDet_eval/experts/depth`` and the statements of ``3D_spatial_eval.py`` that write the
maps, in Karine-Huang/T2I-CompBench @ 1b70949. A map is inverse depth; larger is nearer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UserError
from ..plugins.requirements import Requirement
from ..weights.devices import check_device
from ..weights.official_file import OfficialFile
from ..weights.origin import Weights, choose, require_model_type
from .depth_model import DepthModel
from .dpt_conversion import EPSILON, build

if TYPE_CHECKING:
    import torch
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other maps."""

NAME = "dpt-hybrid"
MODEL_CLASS = "DPTForDepthEstimation"
_URL = "https://github.com/isl-org/DPT/releases/download/1_0/dpt_hybrid-midas-501f0c75.pt"
FILE = OfficialFile(
    NAME,
    "dpt_hybrid-midas-501f0c75.pt",
    _URL,
    _URL,
    sha256_start="501f0c75",
    option="--depth",
)
"""0.5 GB, of MiDaS 3.0."""

SIDE = 480
"""Pixels of the square that the network sees; its own images had 384."""


def prepared(image: Image.Image, side: int) -> torch.Tensor:
    """Pixels (1, 3, side, side), float32, -1 to 1: resized without keeping the aspect ratio."""
    import torch
    from PIL import Image as Images

    resized = image.convert("RGB").resize((side, side), Images.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch.float32) / 255
    return ((pixels - 0.5) / 0.5)[None]


def inverse_depth(model: Any, image: Image.Image, side: int) -> torch.Tensor:
    """What the network says of an image: (side, side), 0 or more, larger is nearer.

    Args:
        model: transformers' ``DPTForDepthEstimation``, from :func:`for_inference`.
    """
    model.dpt.embeddings.image_size = (side, side)
    depth: torch.Tensor = model(prepared(image, side).to(model.device)).predicted_depth[0]
    return depth


def scaled(depth: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Depth from 0 to 1 over its own range, and then in the image's size: (height, width).

    The same depth everywhere becomes 0, since no pixel is nearer than another.
    """
    import torch

    low, high = depth.min(), depth.max()
    shares = (depth - low) / (high - low) if bool(high > low) else torch.zeros_like(depth)
    return torch.nn.functional.interpolate(
        shares[None, None].float(), size=(height, width), mode="bilinear", align_corners=True
    )[0, 0]


@dataclass(slots=True)
class DptHybrid(DepthModel):
    """The model with its weights chosen, in float32, one image at a time.

    Attributes:
        weights: the official file, or a folder of ``DPTForDepthEstimation``.
        device: a torch device.
        offline: take nothing from the network.
    """

    weights: OfficialFile | Weights
    device: str = "cpu"
    offline: bool = False
    _model: Any = None

    def identity(self) -> dict[str, Any]:
        """Model class, preparation, weights."""
        weights = self.weights
        return {
            "model": NAME,
            "class": MODEL_CLASS,
            "version": VERSION,
            "weights": weights.digest()
            if isinstance(weights, OfficialFile)
            else weights.identity(),
            "image": f"bilinear, {SIDE} x {SIDE}",
            "map": "0 to 1, then the image's size, then 8 bits",
            "dtype": "float32",
        }

    def signature(self) -> str:
        """``dpt-hybrid-midas@501f0c7``, or ``dpt-hybrid@`` and the start of the folder's hash."""
        if isinstance(self.weights, OfficialFile):
            return f"dpt-hybrid-midas@{self.weights.digest()[:7]}"
        return self.weights.signature()

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        if isinstance(self.weights, OfficialFile):
            return [self.weights.requirement(offline=self.offline)]
        return [self.weights.whole_requirement(f"the weights of {NAME}", offline=self.offline)]

    def download(self) -> None:
        """Get the weights where they are missing."""
        self.weights.locate(offline=self.offline)

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, another kind of model, or weights that are missing,
                unexpected or not finite.
        """
        if self._model is None:
            device = check_device(self.device)
            self._model = for_inference(self._opened()).to(device)

    def estimate(self, images: Sequence[Image.Image]) -> list[npt.NDArray[np.float32]]:
        """Inverse depth from 0 to 1 over each image: float32 of shape (height, width).

        Raises:
            UserError: output that is not finite.
        """
        import torch

        self.load()
        found = []
        for image in images:
            with torch.inference_mode():
                depth = inverse_depth(self._model, image, SIDE)
                if not bool(depth.isfinite().all()):
                    raise UserError(
                        f"{self.signature()} gives depth that is not finite on {self.device}: try "
                        "--device cpu."
                    )
                found.append(scaled(depth, *image.size).cpu().numpy())
        return found

    def levels(self, depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8 | np.uint16]:
        """8 bits by truncation, so that the largest may be 254."""
        return (depth * np.float32(255)).astype(np.uint8)

    def _opened(self) -> Any:
        import torch
        import transformers

        from ..weights.loading import load_model
        from ..weights.state_dicts import read_checkpoint

        path = self.weights.locate(offline=self.offline)
        if isinstance(self.weights, OfficialFile):
            return build(read_checkpoint(path, "state_dict"), f"DPT-hybrid in {path}")
        require_model_type(path, "dpt", MODEL_CLASS)
        model = load_model(getattr(transformers, MODEL_CLASS), path, torch.float32, pickled=True)
        if not model.config.is_hybrid:
            raise UserError(
                f"{path} is a DPT without a convolutional backbone: give a DPT-hybrid, or leave "
                "its weights out for the official ones."
            )
        return model


def for_inference(model: Any) -> Any:
    """The model with the epsilon of its official twin, which a conversion may have lost."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = EPSILON
    return model


def depth_model(weights: str | None, device: str, offline: bool) -> DptHybrid:
    """The model a user names: None for the official file, its path, a folder, ``org/name@commit``.

    Raises:
        UserError: none of these.
    """
    if weights is None or Path(weights).suffix in (".pt", ".pth", ".safetensors"):
        return DptHybrid(FILE.at(weights), device, offline)
    return DptHybrid(choose(weights, NAME, MODEL_CLASS), device, offline)


def fetch() -> list[Path]:
    """Download the official file; see ``spatialbench fetch``."""
    return [FILE.locate(offline=False)]
