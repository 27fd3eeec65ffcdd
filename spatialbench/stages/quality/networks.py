"""The networks whose features are compared: Inception for FID and KID, CLIP for CMMD."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...errors import UserError
from ...plugins.requirements import Requirement
from ...weights.devices import check_device
from ...weights.hub import HubSource
from ...weights.model_folder import Loaded, load_kind
from ...weights.official_file import OfficialFile
from ...weights.origin import Weights, choose
from ...weights.patterns import FilePatterns

if TYPE_CHECKING:
    import torch
    from PIL import Image

INCEPTION = "fid-inception"
CLIP = "cmmd-clip"
MODEL_CLASS = "CLIPModel"

_URL = (
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth"
)
FILE = OfficialFile(
    INCEPTION,
    "pt_inception-2015-12-05-6726825d.pth",
    _URL,
    _URL,
    sha256_start="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    option="--inception",
)
"""96 MB."""

SOURCE = HubSource("openai/clip-vit-large-patch14-336", "ce19dc912ca5cd21c8a653c79e251e808ccabcd1")
CLIP_WEIGHTS = Weights(
    CLIP,
    (SOURCE,),
    files=FilePatterns(allow=("*.json", "*.safetensors", "pytorch_model.bin")),
    fetched_as=CLIP,
)

_CLASSES = ("fc.weight", "fc.bias", "AuxLogits.")
"""What the published file holds beside the features."""
_COUNTERS = "num_batches_tracked"


class Network(Loaded["torch.nn.Module"]):
    """Features of images; see ``INCEPTION`` and ``CLIP`` for the two there are."""

    name: str

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Everything that decides the features; plain JSON, nothing is loaded."""

    @abstractmethod
    def requirement(self) -> Requirement:
        """The weights."""

    @abstractmethod
    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """One row per image, each computed alone. Raises UserError for what is not finite."""

    def _finite(self, rows: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        found = np.concatenate(rows)
        if not np.isfinite(found).all():
            raise UserError(
                f"{self.name} gives features that are not finite on {self.device}: try --device "
                "cpu."
            )
        return found


class InceptionFeatures(Network):
    """2,048 numbers per image; see ``inception``."""

    name = INCEPTION

    def __init__(self, given: str | None, device: str, offline: bool) -> None:
        super().__init__(device)
        self._file = FILE.at(given)
        self._offline = offline

    def identity(self) -> dict[str, Any]:
        """See ``Network``."""
        return {
            "network": INCEPTION,
            "version": 1,
            "weights": self._file.digest(),
            "image": "RGB, bilinear, 299 x 299, without antialiasing",
        }

    def requirement(self) -> Requirement:
        """See ``Network``."""
        return self._file.requirement(offline=self._offline)

    def opened(self) -> torch.nn.Module:
        """See ``Loaded``."""
        import torch

        from ...weights.state_dicts import fit, read_checkpoint
        from .inception import Inception

        where = check_device(self.device)
        path = self._file.locate(offline=self._offline)
        network = Inception()
        state = {
            name: value
            for name, value in read_checkpoint(path, "state_dict").items()
            if not name.startswith(_CLASSES)
        }
        for name in network.state_dict():
            if name.endswith(_COUNTERS):
                state.setdefault(name, torch.tensor(0))
        fit(network, state, f"the Inception network of {path}")
        return network.to(where)

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """See ``Network``; shape (n, 2048)."""
        import torch

        network, rows = self.loaded(), []
        with torch.inference_mode():
            for image in images:
                pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]
                rows.append(network((pixels / 255).to(self.device)).float().cpu().numpy())
        return self._finite(rows)


class ClipFeatures(Network):
    """Unit vectors of CLIP ViT-L/14 at 336 pixels, or of another ``CLIPModel``.

    Preparation as ``cmmd/io_util.py`` and ``cmmd/embedding.py`` of google-research @ 5b09c22: the
    middle square, resized bicubically.
    """

    name = CLIP

    def __init__(self, given: str | None, device: str, offline: bool) -> None:
        super().__init__(device)
        self._weights = CLIP_WEIGHTS if given is None else choose(given, CLIP, MODEL_CLASS)
        self._offline = offline

    def identity(self) -> dict[str, Any]:
        """See ``Network``."""
        return {
            "network": CLIP,
            "version": 1,
            "weights": self._weights.identity(),
            "image": "RGB, middle square, bicubic",
            "dtype": "float32",
        }

    def requirement(self) -> Requirement:
        """See ``Network``."""
        return self._weights.whole_requirement(f"the weights of {CLIP}", offline=self._offline)

    def opened(self) -> torch.nn.Module:
        """See ``Loaded``."""
        where = check_device(self.device)
        folder = self._weights.locate(offline=self._offline)
        model = load_kind(folder, "clip", MODEL_CLASS)
        made: torch.nn.Module = model.to(where).eval()
        return made

    def features(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """See ``Network``; shape (n, projection width)."""
        import torch

        model: Any = self.loaded()
        side = model.config.vision_config.image_size
        rows = []
        with torch.inference_mode():
            for image in images:
                output = model.get_image_features(
                    pixel_values=clip_pixels(image, side).to(self.device)
                )
                row = getattr(output, "pooler_output", output).float()
                rows.append((row / row.norm(dim=-1, keepdim=True)).cpu().numpy())
        return self._finite(rows)


def clip_pixels(image: Image.Image, side: int) -> torch.Tensor:
    """Pixels (1, 3, side, side), float32, normalised: the middle square of an image, resized."""
    import torch
    from PIL import Image as Images
    from transformers.utils.constants import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    width, height = image.size
    short = min(width, height)
    left, top = (width - short) // 2, (height - short) // 2
    square = image.convert("RGB").crop((left, top, left + short, top + short))
    resized = square.resize((side, side), Images.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(resized)).permute(2, 0, 1).to(torch.float32) / 255
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return ((pixels - mean) / deviation)[None]


def fetch(name: str) -> list[Path]:
    """Download the weights of a network. Raises UserError where they cannot be had."""
    return [FILE.locate(offline=False) if name == INCEPTION else CLIP_WEIGHTS.fetch()]


NETWORKS = (INCEPTION, CLIP)
"""By the name that ``fetch`` takes."""
