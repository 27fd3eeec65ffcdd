"""The colour of an object by CLIP ViT-L/14, GenEval's classifier, through transformers.

Source: ``evaluation/evaluate_images.py`` of djghosh13/geneval @ af4902f, which calls open_clip's
ViT-L-14 with the weights ``openai``. The same weights in transformers' CLIPModel stand in for it;
arithmetic is float32, where clip_benchmark's is mixed float16 on a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.plugins.requirements import Requirement
from spatialbench.weights.devices import check_device
from spatialbench.weights.hub import HubSource
from spatialbench.weights.origin import Weights
from spatialbench.weights.patterns import FilePatterns

from .names import COLOURS, own_name

if TYPE_CHECKING:
    import torch
    from PIL import Image

SOURCE = HubSource("openai/clip-vit-large-patch14", "32bd64288804d66eefd0ccbe215aa642df71cc41")
"""OpenAI's own weights; the commit is ours, open_clip takes them from OpenAI's server."""

FILES = FilePatterns(allow=("*.json", "merges.txt", "model.safetensors"))
CLIP = Weights("clip", (SOURCE,), files=FILES, fetched_as="geneval")

TEMPLATES = (
    "a photo of a {colour} {name}",
    "a photo of a {colour}-colored {name}",
    "a photo of a {colour} object",
)
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


class ClipColours:
    """Names the colour of cut-out objects.

    Args:
        device: where the model runs.
        offline: only look into the cache.
        folder: a folder of another CLIPModel with its tokenizer, instead of the pinned one.
    """

    def __init__(self, device: str, offline: bool, folder: Path | None = None) -> None:
        self._device_name = device
        self._offline = offline
        self._weights = CLIP if folder is None else Weights("clip", folder=folder, files=FILES)
        self._model: Any = None
        self._tokenizer: Any = None
        self._device: torch.device | None = None
        self._prompts: dict[str, torch.Tensor] = {}

    @property
    def word(self) -> str:
        """``clip-vit-l14-openai@32bd642-for-open_clip``: transformers stands in for open_clip."""
        name = "clip-vit-l14-openai" if self._weights.sources else "clip"
        return f"{name}@{self._weights.digits()}-for-open_clip"

    def identity(self) -> dict[str, Any]:
        """Everything that decides the colours; plain JSON, nothing is loaded."""
        return {
            "colours": "clip",
            "weights": str(self._weights.source or self._weights.identity()["weights"]),
            "library": "transformers, in place of open_clip 2.20.0",
            "templates": list(TEMPLATES),
            "background": "#999999",
            "dtype": "float32",
        }

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        what = f"the weights of {SOURCE.repo}, which names colours"
        return [self._weights.whole_requirement(what, offline=self._offline)]

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        self._weights.locate(offline=self._offline)

    def load(self) -> None:
        """Load the model.

        Raises:
            UserError: files that cannot be had, or weights that are incomplete or not finite.
        """
        if self._model is not None:
            return
        import torch
        from transformers import CLIPModel

        from spatialbench.weights.loading import load_model
        from spatialbench.weights.parts_beside import load_beside

        folder = self._weights.locate(offline=self._offline)
        self._device = check_device(self._device_name)
        self._model = load_model(CLIPModel, folder, torch.float32).to(self._device)
        rows = self._model.config.text_config.vocab_size
        self._tokenizer = load_beside("AutoTokenizer", folder, rows)

    def colours(self, crops: Sequence[Image.Image], label: str) -> list[str]:
        """The colour of each crop of an object of that label, one of ``COLOURS``.

        Raises:
            UserError: as ``load``; similarities that are not finite.
        """
        if not crops:
            return []
        import torch

        self.load()
        size = self._model.config.vision_config.image_size
        pixels = torch.stack([prepare(crop, size) for crop in crops]).to(self._device)
        with torch.no_grad():
            seen = _unit(_features(self._model.get_image_features(pixel_values=pixels)))
            likeness = seen @ self._text(own_name(label)).T
        if not bool(likeness.isfinite().all()):
            raise UserError(
                "the colour classifier returned NaN or infinite values; its weights or this device "
                "are broken: run with --device cpu. Nothing was recorded."
            )
        return [COLOURS[i] for i in likeness.argmax(dim=1).tolist()]

    def _text(self, name: str) -> torch.Tensor:
        """A unit row for each colour: the mean over the templates, made a unit again."""
        import torch

        if name not in self._prompts:
            rows = []
            for colour in COLOURS:
                texts = [template.format(colour=colour, name=name) for template in TEMPLATES]
                tokens = self._tokenizer(texts, padding=True, return_tensors="pt")
                with torch.no_grad():
                    found = self._model.get_text_features(**tokens.to(self._device))
                rows.append(_unit(_unit(_features(found)).mean(dim=0)))
            self._prompts[name] = torch.stack(rows)
        return self._prompts[name]


def prepare(crop: Image.Image, size: int) -> torch.Tensor:
    """A crop as CLIP sees it: short side to ``size``, middle square, normalised; (3, size, size).

    A long object loses its ends.
    """
    import numpy as np
    import torch
    from PIL import Image

    short = min(crop.size)
    scaled = tuple(int(size * side / short) if side != short else size for side in crop.size)
    image = crop.convert("RGB").resize((scaled[0], scaled[1]), Image.Resampling.BICUBIC)
    left, top = (round((side - size) / 2) for side in image.size)
    image = image.crop((left, top, left + size, top + size))
    values = np.asarray(image, dtype=np.float32) / np.float32(255)
    mean, std = np.array(_MEAN, dtype=np.float32), np.array(_STD, dtype=np.float32)
    normal = (values - mean) / std
    return torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1)))


def _features(output: Any) -> torch.Tensor:
    """The projected features; newer versions of transformers wrap them in an output object."""
    found: torch.Tensor = getattr(output, "pooler_output", output)
    return found


def _unit(rows: torch.Tensor) -> torch.Tensor:
    unit: torch.Tensor = rows / rows.norm(dim=-1, keepdim=True)
    return unit
