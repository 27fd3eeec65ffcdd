"""What the images of a run are judged by: the records of a detector, of a judge, or of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..plugins import Evidence, ImageRequest, Source
from ..plugins.evidence import ANSWERS, BOXES, FOUND_WITH_BOXES
from ..plugins.records import AnswerRecord, SeenRecord
from ..prompts import Key, Prompt
from ..runs.chosen_detector import chosen_detector
from ..runs.journal import Journal
from ..runs.opening import Run
from ..runs.record_lines import Notice
from .judging import Judging


@dataclass(frozen=True, slots=True)
class Answers(Source):
    """A judge's answers about the images of a run, as evidence."""

    by_image: Mapping[Key, Mapping[str, float]]

    def read(self, evidence: Evidence) -> Mapping[str, float]:
        """The answers about an image. Raises UserError where there are none."""
        if evidence.key not in self.by_image:
            raise UserError("the judge has not answered about this image.")
        return self.by_image[evidence.key]

    def state(self) -> str:
        """Nothing besides the judge's journal."""
        return ""

    def require(self, requests: Sequence[ImageRequest]) -> None:
        """Nothing: the stage before asks."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Who looked, as far as a rule judges by it; None where it does not."""

    run: Run
    detector: str | None
    judge: str | None

    @classmethod
    def of(cls, run: Run, judging: Judging, detector: str | None, judge: str | None) -> Looks:
        """Those named, or the only ones there; see ``chosen_detector``.

        Raises:
            UserError: nobody looked, several did and none is named, or one is named that the rule
                does not judge by.
        """
        kinds = judging.kinds(run.expected.prompts)
        boxes = not kinds.isdisjoint(FOUND_WITH_BOXES)
        judging.refuse_unused(kinds, detector, judge)
        return cls(
            run,
            chosen_detector(run, detector) if boxes else None,
            chosen_detector(run, judge, ANSWERS) if ANSWERS in kinds else None,
        )

    @property
    def signature(self) -> str:
        """Of the detector, of the judge, or of both."""
        return "+".join(one for one in (self.detector, self.judge) if one is not None)

    @property
    def journals(self) -> list[Journal]:
        """Where the records are."""
        return [self.run.directory.detection_journal(name, kind) for name, kind in self._named]

    @property
    def kind(self) -> str:
        """The kind of the records that are gone through one by one."""
        return self._named[0][1]

    def records(self, notice: Notice) -> Iterator[SeenRecord]:
        """One record per image: the boxes where the rule sees them, else the answers."""
        name, kind = self._named[0]
        return self.run.directory.seen(name, notice, kind)

    def answers(self, notice: Notice) -> Answers | None:
        """What the judge answered, for a rule that sees boxes as well."""
        if self.judge is None:
            return None
        records = self.run.directory.seen(self.judge, notice, ANSWERS)
        return Answers({one.key: one.answers for one in records if isinstance(one, AnswerRecord)})

    @property
    def _named(self) -> list[tuple[str, str]]:
        pairs = ((self.detector, BOXES), (self.judge, ANSWERS))
        return [(name, kind) for name, kind in pairs if name is not None]


def answered(judging: Judging, prompt: Prompt, key: Key, answers: Answers | None) -> bool:
    """Whether the judge answered every question that the rule asks about an image."""
    if answers is None:
        return True
    return answers.by_image.get(key, {}).keys() >= set(judging.rule.questions(prompt))
