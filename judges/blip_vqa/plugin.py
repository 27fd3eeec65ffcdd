"""BLIP-VQA behind the Judge protocol, from the official file or from a folder of transformers'."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.files.downloads import RemoteFile, forbidden, retrieve
from spatialbench.plugins import Judge, JudgePlugin
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.devices import check_device
from spatialbench.weights.official_file import OfficialFile
from spatialbench.weights.origin import Weights, choose, require_model_type

if TYPE_CHECKING:
    from PIL import Image

    from .model import BlipVqa

VERSION = 1
"""Raised whenever the same weights would give other answers."""

NAME = "blip-vqa"
MODEL_CLASS = "BlipForQuestionAnswering"

VOCABULARY = RemoteFile(
    "vocab.txt",
    "https://huggingface.co/google-bert/bert-base-uncased/resolve/main/vocab.txt",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)
"""Of BERT, uncased; Apache-2.0."""

FILE = OfficialFile(
    NAME,
    "model_base_vqa_capfilt_large.pth",
    "https://storage.googleapis.com/sfr-vision-language-research/BLIP/models/"
    "model_base_vqa_capfilt_large.pth",
    option="--judge",
)
"""1.4 GB. Its authors publish no hash, so that it is not downloaded without being asked."""

_QUESTION = "is it a dog?"
_LEAST_DIFFERENCE = 1e-6


class BlipVqaJudge(Judge):
    """BLIP-VQA with its weights chosen, in float32."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._model: BlipVqa | None = None

    def identity(self) -> dict[str, Any]:
        """Everything that decides the answers; plain JSON, nothing is loaded."""
        return {
            "judge": NAME,
            "version": VERSION,
            **self.weights_identity(),
            "question": "[ENC] question",
            "answer": "yes / (yes + no)",
            "image": "bicubic",
            "dtype": "float32",
        }

    @abstractmethod
    def weights_identity(self) -> dict[str, Any]:
        """The part of the identity that tells the weights."""

    @abstractmethod
    def open_model(self) -> BlipVqa:
        """The model on the CPU. Raises UserError as :meth:`load`."""

    def load(self) -> None:
        """Load the weights.

        Raises:
            UserError: files that cannot be had, keys that do not fit, or weights that are not
                finite.
        """
        self._loaded()

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """The probability of yes, each question by itself; see :class:`.model.BlipVqa`.

        Raises:
            UserError: an answer that is not finite.
        """
        import torch

        model = self._loaded()
        found = []
        with torch.inference_mode():
            for image, asked in zip(images, questions, strict=True):
                seen = model.look(image) if asked else None
                found.append([] if seen is None else [model.yes(seen, q) for q in asked])
        if any(answer != answer for answers in found for answer in answers):
            raise UserError(
                f"{self.signature()} gives answers that are not finite on {self.device}: try "
                "--device cpu."
            )
        return found

    def self_test(self) -> str:
        """Ask one question about two plain images: the answers must differ.

        Raises:
            UserError: they are the same.
        """
        import numpy as np
        from PIL import Image as Images

        noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
        images = [Images.new("RGB", (320, 320), (128, 128, 128)), Images.fromarray(noise)]
        (grey,), (noisy,) = self.answer(images, [[_QUESTION]] * 2)
        if abs(grey - noisy) <= _LEAST_DIFFERENCE:
            raise UserError(
                f"{self.signature()} gives the same answer about a grey and a noisy image: its "
                "weights are damaged; get them again."
            )
        return "answers differ between two plain images"

    def _loaded(self) -> BlipVqa:
        if self._model is None:
            device = check_device(self.device)
            model = self.open_model()
            model.model.to(device)
            self._model = model
        return self._model


class OfficialBlipVqa(BlipVqaJudge):
    """The checkpoint that T2I-CompBench uses, or another file of its kind."""

    def __init__(self, weights: OfficialFile, device: str, offline: bool) -> None:
        super().__init__(device)
        self.weights = weights
        self.offline = offline

    def weights_identity(self) -> dict[str, Any]:
        """The start of the file's SHA-256."""
        return {"weights": self.weights.digest()}

    def signature(self) -> str:
        """``blip-vqa-capfilt-large@`` and the start of the file's hash."""
        return f"{SIGNATURE_START}{self.weights.digest()[:7]}"

    def download(self) -> None:
        """Get the vocabulary where it is missing; see ``plugins.download``."""
        retrieve(VOCABULARY, NAME, offline=self.offline)
        self.weights.locate(offline=self.offline)

    def requirements(self) -> list[Requirement]:
        """The file and the vocabulary; see ``spatialbench.plugins.requirements``."""
        vocabulary = required(
            f"the vocabulary of {NAME}",
            lambda: retrieve(VOCABULARY, NAME, offline=True),
            fetchable=not (self.offline or forbidden()),
        )
        return [self.weights.requirement(offline=self.offline), vocabulary]

    def open_model(self) -> BlipVqa:
        """See the base class."""
        import transformers

        from spatialbench.weights.state_dicts import read_checkpoint

        from .conversion import build
        from .model import BlipVqa

        path = self.weights.locate(offline=self.offline)
        words = retrieve(VOCABULARY, NAME, offline=self.offline)
        model = build(read_checkpoint(path, "model"), f"BLIP-VQA in {path}")
        return BlipVqa(model, transformers.BertTokenizer(vocab=str(words)))


class FolderBlipVqa(BlipVqaJudge):
    """A folder of ``BlipForQuestionAnswering``, such as Salesforce's on the Hub.

    Salesforce/blip-vqa-base is the same checkpoint made for images of 384 pixels: its answers are
    not T2I-CompBench's, which are given at 480.
    """

    def __init__(self, weights: Weights, device: str, offline: bool) -> None:
        super().__init__(device)
        self.weights = weights
        self.offline = offline

    def weights_identity(self) -> dict[str, Any]:
        """Repository and commit, or the folder's hash."""
        return {"weights": self.weights.identity()}

    def signature(self) -> str:
        """``blip-vqa-base@787b3d3``, or ``blip-vqa@`` and the start of the folder's hash."""
        return self.weights.signature()

    def download(self) -> None:
        """Get the weights where they are missing; see ``plugins.download``."""
        self.weights.locate(offline=self.offline)

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights.whole_requirement(f"the weights of {NAME}", offline=self.offline)]

    def open_model(self) -> BlipVqa:
        """See the base class."""
        import torch
        import transformers

        from spatialbench.weights.loading import load_model
        from spatialbench.weights.parts_beside import load_beside

        from .model import SPECIAL_WORDS, BlipVqa

        folder = self.weights.locate(offline=self.offline)
        require_model_type(folder, "blip", MODEL_CLASS)
        model = load_model(getattr(transformers, MODEL_CLASS), folder, torch.float32, pickled=True)
        rows = model.config.text_config.vocab_size
        tokenizer = load_beside("BertTokenizer", folder)
        if len(tokenizer) not in (rows, rows - SPECIAL_WORDS):
            raise UserError(
                f"the tokenizer in {folder} has {len(tokenizer)} words and the model {rows}: "
                "expected as many, or two fewer; get an intact copy of the folder."
            )
        return BlipVqa(model, tokenizer)


SIGNATURE_START = "blip-vqa-capfilt-large@"


class BlipVqaPlugin(JudgePlugin):
    """The entry point ``blip-vqa``."""

    name = NAME
    summary = "BLIP-VQA: the judge T2I-CompBench prescribes for colour, shape and texture"

    @property
    def signature_start(self) -> str | None:
        """``blip-vqa-capfilt-large@``: the official file's hash is not published."""
        return SIGNATURE_START

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> BlipVqaJudge:
        """Choose the weights.

        Args:
            weights: None for the official file in the cache, else its path, a folder of
                ``save_pretrained``, or ``org/name@commit``.

        Raises:
            UserError: none of these.
        """
        if weights is None or Path(weights).suffix in (".pth", ".safetensors"):
            return OfficialBlipVqa(FILE.at(weights), device, offline)
        return FolderBlipVqa(choose(weights, NAME, MODEL_CLASS), device, offline)

    def fetch(self) -> Sequence[Path]:
        """Download the vocabulary; the weights must be there, for their hash is not known.

        Raises:
            UserError: says where the weights come from and where they belong.
        """
        return [retrieve(VOCABULARY, NAME), FILE.locate(offline=False)]


PLUGIN: JudgePlugin = BlipVqaPlugin()
