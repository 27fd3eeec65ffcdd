"""What looks at images: a detector for boxes, a judge for answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..files.images import of_one_colour
from ..plugins import Benchmark, Detector, Judge, Rule
from ..plugins.evidence import ANSWERS, BOXES, OF_JUDGES
from ..plugins.judge import YES, NoAnswer, Question
from ..plugins.records import (
    IMAGE_HASH,
    JUDGED_RECORDS,
    ONE_COLOUR,
    AnswerRecord,
    SeenRecord,
    checked_answers,
)
from ..plugins.requirements import Requirement, required
from ..prompts import Key, Prompt
from ..runs.expected import Expected
from ..runs.record_lines import Notice
from ..runs.store import RunDirectory
from ..scoring.looked import found_record, vocabulary
from .first_look import FirstLook
from .known_names import names_requirement
from .looker_base import Looker

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class BoxLooker(Looker):
    """A detector; ``known`` are the labels that are no sign of a wrong one."""

    detector: Detector
    known: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """Boxes."""
        return BOXES

    @property
    def stage(self) -> str:
        """``detect``."""
        return "detect"

    @property
    def model(self) -> Detector:
        """The detector."""
        return self.detector

    def look(self, images: Sequence[Image.Image], asked: Sequence[Sequence[str]]) -> Any:
        """See ``Detector.detect``."""
        return self.detector.detect(images, asked)

    def record(
        self,
        key: Key,
        sha256: str | None,
        seen: Any,
        image: Image.Image,
        asked: Sequence[str],
        before: Mapping[str, float],
    ) -> SeenRecord:
        """See ``found_record``."""
        return found_record(self.detector, key, sha256, seen, image)

    def requirements(self, asked: Collection[str]) -> Sequence[Requirement]:
        """See ``Detector.requirements``."""
        return self.detector.requirements(asked)

    def first_look(self, *, found_before: bool) -> FirstLook:
        """A detector that finds nothing known in the first images is refused.

        Of one with labels of its own any label will do.
        """
        known = None if self.detector.own_labels else self.known
        return FirstLook(self.signature, found_before=found_before, known=known)


@dataclass(frozen=True)
class AnswerLooker(Looker):
    """A judge. Any answer speaks for it, so nothing is held back."""

    judge: Judge

    @property
    def kind(self) -> str:
        """What the judge gives."""
        return self.judge.gives

    @property
    def stage(self) -> str:
        """``answer``, or ``compare`` for a judge of similarity."""
        return "answer" if self.kind == ANSWERS else "compare"

    @property
    def model(self) -> Judge:
        """The judge."""
        return self.judge

    def look(self, images: Sequence[Image.Image], asked: Sequence[Sequence[str]]) -> Any:
        """See ``Judge.answer``; a judge of yes or no is given the bare questions."""
        if self.kind == ANSWERS and not self.judge.other_answers:
            asked = [[Question.of(one).text for one in questions] for questions in asked]
        return self.judge.answer(images, asked)

    @property
    def one_by_one(self) -> bool:
        """See ``Judge.one_by_one``."""
        return self.judge.one_by_one

    def lacks(self, asked: Sequence[str], seen: Any) -> str | None:
        """How many questions got no answer, and why the first of them did not."""
        given = list(seen) if isinstance(seen, Sequence) else []
        pairs = list(zip(asked, given, strict=False))
        none = [(question, one) for question, one in pairs if isinstance(one, NoAnswer)]
        if not none:
            return None
        question, first = none[0]
        return f"{len(none)} of {len(asked)} questions got no answer, {question!r}: {first.reason}"

    def record(
        self,
        key: Key,
        sha256: str | None,
        seen: Any,
        image: Image.Image,
        asked: Sequence[str],
        before: Mapping[str, float],
    ) -> SeenRecord:
        """The answers, and those of before to other questions."""
        try:
            found = checked_answers(asked, seen, self.kind)
        except UserError as error:
            raise UserError(f"{self.signature}, image {key[0]}/{key[1]}: {error}") from error
        of = {"prompt_id": key[0], "index": key[1], IMAGE_HASH: sha256}
        told = JUDGED_RECORDS[self.kind].of(of, {**before, **dict(zip(asked, found, strict=True))})
        one_colour = {ONE_COLOUR: True} if of_one_colour(image) else {}
        return type(told)({**told.content, **one_colour})

    def requirements(self, asked: Collection[str]) -> Sequence[Requirement]:
        """See ``Judge.requirements``; and that it answers questions of this kind at all."""
        able = required("a judge that gives these answers", lambda: self._require_answers(asked))
        return [*([able] if able.missing else []), *self.judge.requirements()]

    def _require_answers(self, asked: Collection[str]) -> None:
        if self.kind != ANSWERS:
            return
        questions = list(map(Question.of, asked))
        others = [one for one in questions if one.expected != YES or one.first]
        if others and not self.judge.other_answers:
            what = "first word" if others[0].first else f"answer {others[0].expected!r}"
            raise UserError(
                f"{self.signature} answers yes or no, and the rule asks {others[0].text!r} for the "
                f"{what}: give a --judge that reads and writes text."
            )

    def first_look(self, *, found_before: bool) -> FirstLook:
        """One that holds nothing back."""
        return FirstLook(self.signature, found_before=True)


@dataclass(frozen=True)
class Look:
    """A model that is to look at images, and what it is asked about those of each prompt."""

    looker: Looker
    asked: Callable[[Prompt], Sequence[str]]

    @classmethod
    def for_boxes(cls, detector: Detector, benchmark: Benchmark) -> Look:
        """A detector that is asked for the benchmark's labels."""
        return cls(BoxLooker(detector), benchmark.labels)

    @classmethod
    def for_answers(cls, judge: Judge, rule: Rule) -> Look:
        """A judge that is asked the rule's questions, or compares images with its texts."""
        return cls(AnswerLooker(judge), partial(_asked, rule, judge.gives))

    @classmethod
    def of(
        cls, detector: Detector | None, judges: Sequence[Judge], benchmark: Benchmark, rule: Rule
    ) -> list[Look]:
        """Those of a detector, as far as there is one, and of judges."""
        found = [] if detector is None else [cls.for_boxes(detector, benchmark)]
        return [*found, *(cls.for_answers(judge, rule) for judge in judges)]

    def for_workers(self, expected: Expected) -> Looker:
        """The looker with what its workers need to know of the images."""
        if isinstance(self.looker, BoxLooker):
            known = vocabulary(expected.benchmark, expected.all_prompts)
            return replace(self.looker, known=known)
        return self.looker

    def requirements(self, prompts: Sequence[Prompt]) -> Sequence[Requirement]:
        """What the model needs for the images of these prompts."""
        names = sorted({one for p in prompts for one in self.asked(p)})
        found = self.looker.requirements(names)
        if isinstance(self.looker, BoxLooker) and any(one.missing for one in found):
            detector = self.looker.detector
            lacking = names_requirement(detector, prompts, self.asked)
            if lacking is not None:
                return [*detector.requirements(()), lacking]
        return found

    def answered(self, directory: RunDirectory, notice: Notice) -> dict[Key, Mapping[str, float]]:
        """What a judge answered about each image before; of a detector nothing."""
        if self.looker.kind not in OF_JUDGES:
            return {}
        records = directory.seen(self.looker.signature, notice, self.looker.kind)
        return {one.key: one.answers for one in records if isinstance(one, AnswerRecord)}

    def done(
        self,
        directory: RunDirectory,
        expected: Expected,
        notice: Notice,
        answered: Mapping[Key, Mapping[str, float]],
    ) -> set[Key]:
        """The images that need no look: for a judge, those with an answer to every question."""
        if self.looker.kind not in OF_JUDGES:
            return directory.seen_images(self.looker.signature, notice)
        by_id = expected.by_id
        return {
            key
            for key, answers in answered.items()
            if key[0] in by_id and answers.keys() >= set(self.asked(by_id[key[0]]))
        }


def _asked(rule: Rule, kind: str, prompt: Prompt) -> Sequence[str]:
    return rule.asked(prompt, kind)
