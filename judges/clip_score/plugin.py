"""CLIPScore behind the Judge protocol: OpenAI's ViT-B/32, or a folder of any ``CLIPModel``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.plugins import JudgePlugin
from spatialbench.plugins.evidence import SIMILARITY
from spatialbench.plugins.requirements import Requirement
from spatialbench.weights.devices import check_device
from spatialbench.weights.hub import HubSource
from spatialbench.weights.model_folder import ModelFolder, load_kind
from spatialbench.weights.origin import Weights, choose
from spatialbench.weights.patterns import FilePatterns

from ..looking import LookingJudge

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from .model import ClipSimilarity

VERSION = 1
"""Raised whenever the same weights would give other numbers."""

NAME = "clip-score"
MODEL_CLASS = "CLIPModel"

SOURCE = HubSource("openai/clip-vit-base-patch32", "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268")
"""OpenAI's own conversion of the ViT-B-32.pt that T2I-CompBench loads; the commit is ours."""

FILES = FilePatterns(allow=("*.json", "merges.txt", "*.safetensors", "pytorch_model.bin"))
CLIP = Weights(NAME, (SOURCE,), files=FILES, fetched_as=NAME)


class ClipScore(ModelFolder["ClipSimilarity"], LookingJudge["ClipSimilarity"]):
    """CLIP with its weights chosen, in float32, one image at a time."""

    gives = SIMILARITY
    told = "similarities"

    def __init__(self, weights: Weights, device: str, offline: bool) -> None:
        super().__init__(NAME, weights, device, offline)

    def open_model(self, folder: Path) -> ClipSimilarity:
        """See ``ModelFolder``."""
        return _open(folder, self.device)

    def identity(self) -> dict[str, Any]:
        """Everything that decides the numbers; plain JSON, nothing is loaded."""
        return {
            "judge": NAME,
            "version": VERSION,
            "weights": self.weights.identity(),
            "text": "whole, lower case; too long is an error",
            "image": "bicubic, short side; middle square; RGB",
            "answer": "cosine",
            "dtype": "float32",
        }

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights_requirement()]

    def unload(self) -> None:
        """Forget the model."""
        self._model = None

    def look(self, model: ClipSimilarity, image: Image.Image) -> torch.Tensor:
        """The image's features."""
        return model.look(image)

    def said(self, model: ClipSimilarity, seen: torch.Tensor, question: str) -> float:
        """The cosine of image and text, -1 to 1. Raises UserError for a text that is too long."""
        return model.similarity(seen, question)


def _open(folder: Path, device: str) -> ClipSimilarity:
    from spatialbench.weights.parts_beside import load_beside

    from .model import ClipSimilarity

    where = check_device(device)
    model = load_kind(folder, "clip", MODEL_CLASS)
    rows = model.config.text_config.vocab_size
    tokenizer = load_beside("AutoTokenizer", folder, rows)
    return ClipSimilarity(model.to(where), tokenizer)


class ClipScorePlugin(JudgePlugin):
    """The entry point ``clip-score``."""

    name = NAME
    summary = "CLIPScore, ViT-B/32: how alike image and prompt are; T2I-CompBench's non-spatial"

    @property
    def signature_start(self) -> str | None:
        """``clip-vit-base-patch32@``."""
        return CLIP.repository

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> ClipScore:
        """Choose the weights.

        Args:
            weights: None for the pinned ones, else a folder of ``save_pretrained`` with its
                tokenizer, or ``org/name@commit``.

        Raises:
            UserError: neither.
        """
        chosen = CLIP if weights is None else choose(weights, NAME, MODEL_CLASS)
        return ClipScore(chosen, device, offline)

    def fetch(self) -> Sequence[Path]:
        """Download the pinned weights.

        Raises:
            UserError: they cannot be had.
        """
        return [CLIP.fetch()]


PLUGIN: JudgePlugin = ClipScorePlugin()
