"""BLIP-VQA behind the Judge protocol, from the official file or from a folder of transformers'."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.files.downloads import RemoteFile, forbidden, retrieve
from spatialbench.plugins import JudgePlugin
from spatialbench.plugins.requirements import Requirement, required
from spatialbench.weights.devices import check_device
from spatialbench.weights.model_folder import ModelFolder, load_kind
from spatialbench.weights.official_file import OfficialFile
from spatialbench.weights.origin import choose

from ..looking import LookingJudge

if TYPE_CHECKING:
    import torch
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


class BlipVqaJudge(LookingJudge["BlipVqa"]):
    """BLIP-VQA with its weights chosen, in float32."""

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

    def prepare(self, image: Image.Image) -> None:
        """Its pixels as the model reads them."""
        self.loaded().ahead.begin(image)

    def look(self, model: BlipVqa, image: Image.Image) -> torch.Tensor:
        """The image's patches, encoded."""
        return model.look(image)

    def said(self, model: BlipVqa, seen: torch.Tensor, question: str) -> float:
        """The probability of yes, 0 to 1; see :class:`.model.BlipVqa`."""
        return model.yes(seen, question)


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

    def opened(self) -> BlipVqa:
        """See ``Loaded``."""
        import transformers

        from spatialbench.weights.state_dicts import read_checkpoint

        from .conversion import build
        from .model import BlipVqa

        device = check_device(self.device)
        path = self.weights.locate(offline=self.offline)
        words = retrieve(VOCABULARY, NAME, offline=self.offline)
        model = build(read_checkpoint(path, "model"), f"BLIP-VQA in {path}")
        return BlipVqa(model.to(device), transformers.BertTokenizer(vocab=str(words)))


class FolderBlipVqa(ModelFolder["BlipVqa"], BlipVqaJudge):
    """A folder of ``BlipForQuestionAnswering``, such as Salesforce's on the Hub.

    Salesforce/blip-vqa-base is the same checkpoint made for images of 384 pixels: its answers are
    not T2I-CompBench's, which are given at 480.
    """

    def weights_identity(self) -> dict[str, Any]:
        """Repository and commit, or the folder's hash."""
        return {"weights": self.weights.identity()}

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights_requirement()]

    def open_model(self, folder: Path) -> BlipVqa:
        """See ``ModelFolder``."""
        from spatialbench.weights.parts_beside import load_beside

        from .model import SPECIAL_WORDS, BlipVqa

        device = check_device(self.device)
        model = load_kind(folder, "blip", MODEL_CLASS)
        rows = model.config.text_config.vocab_size
        tokenizer = load_beside("BertTokenizer", folder)
        if len(tokenizer) not in (rows, rows - SPECIAL_WORDS):
            raise UserError(
                f"the tokenizer in {folder} has {len(tokenizer)} words and the model {rows}: "
                "expected as many, or two fewer; get an intact copy of the folder."
            )
        return BlipVqa(model.to(device), tokenizer)


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
        return FolderBlipVqa(NAME, choose(weights, NAME, MODEL_CLASS), device, offline)

    def fetch(self) -> Sequence[Path]:
        """Download the vocabulary; the weights must be there, for their hash is not known.

        Raises:
            UserError: says where the weights come from and where they belong.
        """
        return [retrieve(VOCABULARY, NAME), FILE.locate(offline=False)]


PLUGIN: JudgePlugin = BlipVqaPlugin()
