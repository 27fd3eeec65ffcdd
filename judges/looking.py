"""Judges that look at an image once and answer each question by itself from what they saw."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Any, TypeVar

from spatialbench.errors import UserError
from spatialbench.plugins import Judge
from spatialbench.weights.model_folder import Loaded

from .plain_images import answers_differ

if TYPE_CHECKING:
    from PIL import Image

Model = TypeVar("Model")


class LookingJudge(Loaded[Model], Judge):
    """A model that looks once at each image, whatever it is asked.

    Attributes:
        told: what its answers are called in a message.
    """

    one_by_one = True
    told = "answers"

    @abstractmethod
    def look(self, model: Model, image: Image.Image) -> Any:
        """What the model sees in an image."""

    @abstractmethod
    def said(self, model: Model, seen: Any, question: str) -> float:
        """Its answer to one question about what it saw."""

    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """The answer to each image's questions, each by itself; nobody looks where none is asked.

        Raises:
            UserError: a question that cannot be asked, or an answer that is not finite.
        """
        import torch

        model = self.loaded()
        found = []
        with torch.inference_mode():
            for image, asked in zip(images, questions, strict=True):
                seen = self.look(model, image) if asked else None
                found.append([self.said(model, seen, question) for question in asked])
        if any(isnan(answer) for answers in found for answer in answers):
            raise UserError(
                f"{self.signature()} gives {self.told} that are not finite on {self.device}: try "
                "--device cpu."
            )
        return found

    def self_test(self) -> str:
        """Ask one question about two plain images: the answers must differ.

        Raises:
            UserError: they are the same.
        """
        return answers_differ(self)
