"""Vision-language models behind the Judge protocol, asked as GenEval 2 asks its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialbench.errors import UserError
from spatialbench.plugins import Judge, JudgePlugin
from spatialbench.plugins.judge import Question
from spatialbench.plugins.requirements import Requirement
from spatialbench.weights.devices import check_device
from spatialbench.weights.hub import HubSource
from spatialbench.weights.model_folder import ModelFolder
from spatialbench.weights.origin import Weights, choose
from spatialbench.weights.patterns import FilePatterns

from ..one_word import PROMPT, forms, is_first
from ..plain_images import answers_differ
from .first_token import first_tokens, probability
from .model import IMAGE_PROCESSOR, MODEL_CLASS, VisionLanguageModel, open_model

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Raised whenever the same weights would give other answers."""

FILES = FilePatterns(allow=("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors"))
"""Of a model, its processor and its chat template."""

QWEN3_VL_8B_SOURCE = HubSource(
    "Qwen/Qwen3-VL-8B-Instruct", "0c351dd01ed87e9c1b53cbc748cba10e6187ff3b"
)
"""The commit that others pin. GenEval 2 names the repository and no commit."""


class VisionLanguageJudge(ModelFolder[VisionLanguageModel], Judge):
    """A model with its weights chosen: one image and one question at a time.

    An answer depends on nothing but its image and question, whatever is asked beside it.
    """

    other_answers = True
    one_by_one = True

    def __init__(self, weights: Weights, device: str, offline: bool) -> None:
        super().__init__(weights.name, weights, device, offline)

    def open_model(self, folder: Path) -> VisionLanguageModel:
        """See ``ModelFolder``."""
        device = check_device(self.device)
        found = open_model(folder)
        found.model.to(device)
        return found

    def identity(self) -> dict[str, Any]:
        """Everything that decides the answers; plain JSON, nothing is loaded.

        The chat template and the class of the image processor are of the weights' files.
        """
        return {
            "judge": "vlm",
            "version": VERSION,
            "weights": self.weights.identity(),
            "prompt": PROMPT,
            "answer": f"first token, shares of all; yes is {' | '.join(map(repr, forms('yes')))}",
            "image_processor": IMAGE_PROCESSOR,
            "dtype": "as stored",
            "batch": 1,
        }

    def requirements(self) -> list[Requirement]:
        """The weights; see ``spatialbench.plugins.requirements``."""
        return [self.weights_requirement()]

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """The probability of each question's expected answer; see ``first_token``.

        It is at most 1, but for rounding.

        Raises:
            UserError: an answer that is not finite, or a word that the model has no token for.
        """
        return [
            [self._ask(image, Question.of(question)) for question in asked]
            for image, asked in zip(images, questions, strict=True)
        ]

    def self_test(self) -> str:
        """Ask one question about two plain images: the answers must differ.

        Raises:
            UserError: they are the same.
        """
        return answers_differ(self)

    def _ask(self, image: Image.Image, question: Question) -> float:
        import torch

        model = self.loaded()
        tokenizer = model.processor.tokenizer
        tokens = first_tokens(tokenizer, question.expected)
        with torch.inference_mode():
            logits = model.first_logits(image.convert("RGB"), question.said(PROMPT))
        try:
            share = probability(logits, tokens)
        except UserError as error:
            raise UserError(
                f"{self.signature()} gives an answer to {question.text!r} that is not finite on "
                f"{self.device}: try --device cpu."
            ) from error
        if not question.first:
            return share
        return float(is_first(tokenizer.decode([int(logits.argmax())]), question.expected))


class UnnamedJudge(JudgePlugin):
    """The entry point ``vlm``: whatever model the user names."""

    name = "vlm"
    summary = "any vision-language model of transformers: --judge vlm:FOLDER or vlm:ORG/NAME@COMMIT"

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> VisionLanguageJudge:
        """Choose the weights: a folder of ``save_pretrained``, or ``org/name@commit``.

        Raises:
            UserError: none of these, or nothing.
        """
        if weights is None:
            raise UserError(
                "vlm has no weights of its own: give --judge vlm:FOLDER or "
                "--judge vlm:ORG/NAME@COMMIT, or a judge that is named, such as qwen3-vl-8b."
            )
        chosen = replace(choose(weights, self.name, MODEL_CLASS), files=FILES)
        return VisionLanguageJudge(chosen, device, offline)


@dataclass(slots=True)
class NamedJudge(JudgePlugin):
    """An entry point for one model: a name and the weights it stands for."""

    name: str
    summary: str
    weights: Weights

    def configure(
        self, weights: str | None = None, device: str = "cpu", offline: bool = False
    ) -> VisionLanguageJudge:
        """As ``vlm``; None is the plug-in's own weights."""
        if weights is None:
            return VisionLanguageJudge(self.weights, device, offline)
        chosen = replace(choose(weights, self.name, MODEL_CLASS), files=FILES)
        return VisionLanguageJudge(chosen, device, offline)

    def fetch(self) -> Sequence[Path]:
        """Download what is missing of the plug-in's own weights, and return their folder."""
        return [self.weights.fetch()]


PLUGIN: JudgePlugin = UnnamedJudge()

QWEN3_VL_8B: JudgePlugin = NamedJudge(
    "qwen3-vl-8b",
    "Qwen3-VL-8B-Instruct: the judge of GenEval 2, at a commit that GenEval 2 does not name",
    Weights("qwen3-vl-8b", (QWEN3_VL_8B_SOURCE,), files=FILES, fetched_as="qwen3-vl-8b"),
)
