"""Judges: what answers questions about images. With its weights chosen, one is a ``Judge``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .method import Json
from .plugin import Plugin

if TYPE_CHECKING:
    from PIL import Image

    from .requirements import Requirement


class Judge(ABC):
    """A judge with its weights chosen."""

    @abstractmethod
    def identity(self) -> Json:
        """Everything that decides the answers: class, weights and revision, how it is asked."""

    @abstractmethod
    def signature(self) -> str:
        """One word for the result signature, such as ``counting-judge@1``."""

    @abstractmethod
    def load(self) -> None:
        """Load the weights; missing or unexpected keys are an error."""

    @abstractmethod
    def answer(
        self, images: Sequence[Image.Image], questions: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """The probability of yes, 0 to 1, for each of ``questions[i]`` about ``images[i]``.

        Args:
            images: RGB, of any size.
            questions: of yes or no, as the rule words them; an image may have none.
        """

    def requirements(self) -> Sequence[Requirement]:
        """What it needs; loads no model. By default nothing is asked before it is used."""
        return ()

    def download(self) -> None:
        """Get what it takes from the network, without loading it; see ``Method.download``."""
        return

    def self_test(self) -> str:
        """Answer about images of its own and say, in a few words, that the answers are sound.

        Raises:
            UserError: they are not.
        """
        return "weights load; it brings no self-test"


class JudgePlugin(Plugin):
    """What an entry point of ``spatialbench.judges`` names."""

    @property
    def signature_start(self) -> str | None:
        """How the signature of the model it is known for begins; None where ``configure`` tells."""
        return None

    @abstractmethod
    def configure(self, weights: str | None, device: str, offline: bool) -> Judge:
        """Choose the weights: None for its own, else a folder or ``org/name@revision``.

        Raises:
            UserError: weights that are not there, or that it does not take.
        """
