"""Stored records of what a model saw in one image: typed views of their JSON objects.

A view changes nothing: what it is written as is what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Self

from ..detections import Detections, check_record
from ..errors import UserError
from ..prompts import Key
from .evidence import ANSWERS, SIMILARITY
from .judge import Near, NoAnswer

IMAGE_HASH = "image_sha256"
"""Under which what was seen in an image names the SHA-256 (hex) of the image's file."""
ONE_COLOUR = "one_colour"
"""The key of a record that says its image is of one colour; left out elsewhere."""


COSTS = "costs"
"""The key of an image's record for what its method spent on it; left out where nothing is told."""


def key_of(content: Mapping[str, Any]) -> Key:
    """The image that a JSON record is about. Raises KeyError or TypeError for a malformed one."""
    prompt_id, index = content["prompt_id"], content["index"]
    if not (type(prompt_id) is str and type(index) is int):
        raise TypeError("prompt_id must be text and index a whole number")
    return prompt_id, index


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """What one model saw in one image. ``content`` is its JSON object."""

    content: Mapping[str, Any]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """A record. Raises KeyError or TypeError where the image it is about is malformed."""
        key_of(content)
        return cls(content)

    def to_json(self) -> Mapping[str, Any]:
        """What is written, with its keys in order."""
        return self.content

    @property
    def key(self) -> Key:
        """The image."""
        return self.content["prompt_id"], self.content["index"]

    @property
    def image_sha256(self) -> str | None:
        """Of the image's file; None where nobody wrote it, as in version 0.1."""
        return self.content.get(IMAGE_HASH)

    @property
    def one_colour(self) -> bool:
        """Whether the image shows nothing but one colour."""
        return self.content.get(ONE_COLOUR) is True

    @property
    def nothing(self) -> bool:
        """Whether the model saw nothing at all, so that the record cannot speak for it."""
        return False

    def require_sound(self, anywhere: bool = False) -> None:
        """Raises UserError for what the model cannot have seen; ``anywhere`` as for boxes."""


@dataclass(frozen=True, slots=True)
class BoxRecord(SeenRecord):
    """What a detector found: boxes in pixels of the image, y down, with scores and labels."""

    @property
    def boxes(self) -> Sequence[Sequence[float]]:
        """Corners x0, y0, x1, y1 of n boxes."""
        boxes: Sequence[Sequence[float]] = self.content["boxes"]
        return boxes

    @property
    def scores(self) -> Sequence[float]:
        """n numbers from 0 to 1."""
        scores: Sequence[float] = self.content["scores"]
        return scores

    @property
    def labels(self) -> Sequence[str]:
        """n object names."""
        labels: Sequence[str] = self.content["labels"]
        return labels

    @property
    def width(self) -> int:
        """Of the image, in pixels."""
        width: int = self.content["width"]
        return width

    @property
    def height(self) -> int:
        """Of the image, in pixels."""
        height: int = self.content["height"]
        return height

    @property
    def nothing(self) -> bool:
        """Whether there is no box."""
        return not self.boxes

    def detections(self) -> Detections:
        """The boxes as arrays. Raises UserError for a malformed record."""
        return Detections.from_record(self.content)

    def require_sound(self, anywhere: bool = False) -> None:
        """Raises UserError for what no detector can have made; see ``check_record``."""
        check_record(self.content, anywhere)


@dataclass(frozen=True, slots=True)
class AnswerRecord(SeenRecord):
    """What a judge answered: ``questions`` and ``answers``, two lists of equal length.

    ``within`` tells by question how far the probability may be from the answer, where it may.
    """

    kind: ClassVar[str] = ANSWERS
    keys: ClassVar[tuple[str, str]] = ("questions", "answers")

    @classmethod
    def of(cls, about: Mapping[str, Any], answers: Mapping[str, float]) -> Self:
        """The record of these answers, about the image that ``about`` names."""
        asked, given = cls.keys
        told = {**about, asked: list(answers), given: list(answers.values())}
        within = {q: one.within for q, one in answers.items() if isinstance(one, Near)}
        return cls({**told, WITHIN: within} if within else told)

    @property
    def answers(self) -> Mapping[str, float]:
        """The number that was answered, by what was asked: see ``checked_answers``.

        It is a ``Near`` where it is not known exactly.

        Raises:
            UserError: a malformed record.
        """
        self.require_sound()
        asked, given = self.keys
        pairs = zip(self.content[asked], self.content[given], strict=True)
        within = self.within
        return {q: Near(answer, within[q]) if q in within else answer for q, answer in pairs}

    @property
    def within(self) -> Mapping[str, float]:
        """How far the probability may be from the answer, by question; none that is exact."""
        within: Mapping[str, float] = self.content.get(WITHIN, {})
        return within

    def require_sound(self, anywhere: bool = False) -> None:
        """Raises UserError for what no judge can have answered."""
        asked, given = self.keys
        questions, answers = self.content.get(asked), self.content.get(given)
        if not (isinstance(questions, list) and isinstance(answers, list)):
            raise UserError(f"a record of {given} has no lists {asked} and {given}.")
        checked_answers(questions, answers, self.kind)
        within = self.within
        if not isinstance(within, dict) or not within.keys() <= set(questions):
            raise UserError(f"{WITHIN} of a record of {given} names none of its {asked}.")
        checked_answers(list(within), within.values())


@dataclass(frozen=True, slots=True)
class SimilarityRecord(AnswerRecord):
    """How alike a judge found image and texts: ``texts`` and ``similarities``, of equal length."""

    kind: ClassVar[str] = SIMILARITY
    keys: ClassVar[tuple[str, str]] = ("texts", "similarities")


JUDGED_RECORDS: Mapping[str, type[AnswerRecord]] = {
    record.kind: record for record in (AnswerRecord, SimilarityRecord)
}
"""What holds the answers of a judge, by the kind of evidence they are."""

WITHIN = "within"

ROUNDING = 1e-6
"""By how much a probability may exceed 1: a sum of float32 shares is at times 1.0000001."""

_LOWEST = {ANSWERS: 0.0, SIMILARITY: -1.0 - ROUNDING}
_EXPECTED = {
    ANSWERS: "the probability of yes, a number from 0 to 1",
    SIMILARITY: "how alike image and text are, a number from -1 to 1",
}


def checked_answers(questions: Sequence[str], answers: Any, kind: str = ANSWERS) -> list[float]:
    """A judge's answers to these questions about one image.

    Args:
        kind: the kind of evidence they are: probabilities from 0 to 1, or similarities from -1 to
            1, for which the questions are texts.

    Raises:
        UserError: too many or too few, or one that is not a number of that range.
    """
    low = round(_LOWEST[kind])
    if isinstance(answers, str | Mapping) or not isinstance(answers, Iterable):
        raise UserError(
            f"the answers are a {type(answers).__name__}: expected a list with a number from "
            f"{low} to 1 for each question."
        )
    given = list(answers)
    if len(given) != len(questions):
        raise UserError(
            f"{len(questions)} question(s) were asked and {len(given)} answered: expected a number "
            f"from {low} to 1 for each."
        )
    numbers = []
    for question, answer in zip(questions, given, strict=True):
        if isinstance(answer, NoAnswer):
            raise UserError(f"there is no answer to {question!r}: {answer.reason}.")
        try:
            number = float("nan") if isinstance(answer, bool | str) else float(answer)
        except (TypeError, ValueError):
            number = float("nan")
        if not (isfinite(number) and _LOWEST[kind] <= number <= 1 + ROUNDING):
            raise UserError(
                f"the answer to {question!r} is {answer!r}: expected {_EXPECTED[kind]}."
            )
        numbers.append(Near(number, answer.within) if isinstance(answer, Near) else number)
    return numbers
