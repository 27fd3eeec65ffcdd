"""Judges: what answers questions about images. With its weights chosen, one is a ``Judge``."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .evidence import ANSWERS
from .method import Json
from .plugin import Plugin

if TYPE_CHECKING:
    from PIL import Image

    from .requirements import Requirement


YES = "yes"
"""The answer whose probability is asked for where a question names no other."""

_ASKED = re.compile(r"(.*\?) -> (first )?(\w+)", re.DOTALL)
_AS_IT_IS = re.compile(r"(.*) => (first )?(\w+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the answer of one word whose probability is asked for.

    Rules and records hold it as text: ``is it red?`` asks for yes, and ``how many dogs are there?
    -> two`` for two. ``str`` writes it so, and ``of`` reads it again.

    Attributes:
        text: what is asked.
        expected: the answer.
        first: whether the answer is 1 or 0: is this the likeliest first word? Written ``is it red?
            -> first yes``.
        as_it_is: whether the text says itself how to answer, so that a judge adds no words of its
            own. Written ``is it red? Say yes or no. => yes``.
    """

    text: str
    expected: str = YES
    first: bool = False
    as_it_is: bool = False

    @classmethod
    def of(cls, text: str) -> Question:
        """The question that a text stands for."""
        if found := _AS_IT_IS.fullmatch(text):
            return cls(found[1], found[3], found[2] is not None, True)
        if found := _ASKED.fullmatch(text):
            return cls(found[1], found[3], found[2] is not None)
        return cls(text)

    def __str__(self) -> str:
        if self.expected == YES and not (self.first or self.as_it_is):
            return self.text
        arrow, first = "=>" if self.as_it_is else "->", "first " if self.first else ""
        return f"{self.text} {arrow} {first}{self.expected}"

    def said(self, manner: str) -> str:
        """What is written to the judge; ``manner`` holds ``{question}`` among its own words."""
        return self.text if self.as_it_is else manner.replace("{question}", self.text)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """In the place of a probability: the judge gave none this time, and why.

    The image counts as not looked at, with that reason, and the next command asks again.
    """

    reason: str


class Near(float):
    """A probability that is known to within ``within``, 0 to 1."""

    within: float

    def __new__(cls, answer: float, within: float) -> Near:
        """``answer`` as a number."""
        made = super().__new__(cls, answer)
        made.within = within
        return made

    def __reduce__(self) -> tuple[type[Near], tuple[float, float]]:
        return Near, (float(self), self.within)


UNKNOWN_WEIGHTS = "weights-unknown"
"""Stands behind the @ of a signature where nobody can tell the weights; every table marks it."""


class Judge(ABC):
    """A judge with its weights chosen."""

    gives: str = ANSWERS
    """What its answers are: ``answers``, probabilities of yes, or ``similarity``, how alike an
    image and a text are; see ``plugins.evidence``."""
    other_answers: bool = False
    """Whether it is asked for other answers than yes, too; see ``Question``. One that is not is
    refused before the first image where a rule asks for another."""
    one_by_one: bool = False
    """Whether an answer depends on nothing but its image and question, so that where some images of
    a batch are answered the others are asked about alone."""

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
    ) -> Sequence[Sequence[float | NoAnswer]]:
        """The probability of yes, 0 to 1, for each of ``questions[i]`` about ``images[i]``.

        One that is known only nearly is a ``Near``; where there is none, a ``NoAnswer`` says why.

        Of a judge that gives ``similarity``: how alike ``images[i]`` and each of the texts
        ``questions[i]`` are, -1 to 1.

        Args:
            images: RGB, of any size.
            questions: of yes or no, as the rule words them; an image may have none. Where the judge
                has ``other_answers``, ``Question.of`` tells what is asked for.
        """

    def prepare(self, image: Image.Image) -> None:
        """Work out ahead what ``answer`` needs of this very object; see ``plugins.ahead``.

        Called on other threads while it looks at other images. By default nothing is done.
        """
        return

    def unload(self) -> None:
        """Give the memory of the weights back; ``load`` may follow. By default it keeps them."""
        return

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
