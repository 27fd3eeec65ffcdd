"""What the images of a run are judged by: the records of a detector, of judges, or of both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import UserError
from ..plugins import Evidence, ImageRequest, Source
from ..plugins.detector_names import matching
from ..plugins.evidence import BOXES, FOUND_WITH_BOXES, OF_JUDGES, SEEN
from ..plugins.records import AnswerRecord, SeenRecord
from ..prompts import Key, Prompt
from ..runs.chosen_detector import chosen_detector
from ..runs.journal import Journal
from ..runs.opening import Run
from ..runs.record_lines import Notice
from ..runs.store import read_detector
from .judging import OWN_LABELS, Judging


@dataclass(frozen=True, slots=True)
class Answers(Source):
    """What a judge answered about the images of a run, as evidence."""

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
    """Who looked, as far as a rule judges by it.

    Attributes:
        run: what they looked at.
        named: the signature of a model by the kind of evidence it gave; boxes first.
    """

    run: Run
    named: Mapping[str, str]

    @classmethod
    def of(
        cls,
        run: Run,
        judging: Judging,
        detector: str | None,
        judge: str | Sequence[str] | None,
    ) -> Looks:
        """Those named, or the only ones there; see ``chosen_detector``.

        Raises:
            UserError: nobody looked, several did and none is named, or one is named that the rule
                does not judge by.
        """
        kinds = judging.kinds(run.expected.prompts)
        judging.refuse_unused(kinds, detector, judge or None)
        named = {}
        if not kinds.isdisjoint(FOUND_WITH_BOXES):
            named[BOXES] = chosen_detector(run, detector)
        given = _by_kind(run, [kind for kind in OF_JUDGES if kind in kinds], judge or ())
        return cls(run, named | {kind: chosen_detector(run, given[kind], kind) for kind in given})

    @classmethod
    def of_signature(cls, run: Run, kinds: Collection[str], signature: str) -> Looks:
        """Those that the signature of a summary names; see ``signature``."""
        wanted = [BOXES] if not {*kinds}.isdisjoint(FOUND_WITH_BOXES) else []
        wanted += [kind for kind in OF_JUDGES if kind in kinds]
        return cls(run, {kind: model_of(run, signature, kind) or signature for kind in wanted})

    @property
    def detector(self) -> str | None:
        """Whose boxes are judged; None where none are."""
        return self.named.get(BOXES)

    @property
    def own_labels(self) -> bool:
        """Whether the detector answers labels of its own, whatever it is asked for."""
        if self.detector is None:
            return False
        file = self.run.directory.detector_file(self.detector)
        return read_detector(file, self.run.path).get(OWN_LABELS) is True

    @property
    def signature(self) -> str:
        """Of the detector, of the judge, or of all of them."""
        return "+".join(self.named.values())

    @property
    def journals(self) -> list[Journal]:
        """Where the records are."""
        directory = self.run.directory
        return [directory.detection_journal(name, kind) for kind, name in self.named.items()]

    @property
    def kind(self) -> str:
        """The kind of the records that are gone through one by one."""
        return next(iter(self.named))

    def records(self, notice: Notice) -> Iterator[SeenRecord]:
        """One record per image: the boxes where the rule sees them, else a judge's answers."""
        return self.run.directory.seen(self.named[self.kind], notice, self.kind)

    def answers(self, notice: Notice) -> dict[str, Answers]:
        """What each judge answered, by kind."""
        return {
            kind: Answers(answers_of(self.run, name, kind, notice))
            for kind, name in self.named.items()
            if kind in OF_JUDGES
        }


def model_of(run: Run, signature: str, kind: str) -> str | None:
    """The model that gave this kind of evidence, of those whose signatures make up a summary's."""
    names = [n for n in run.directory.detectors(kind) if f"+{n}+" in f"+{signature}+"]
    return max(names, key=len, default=None)


def answers_of(run: Run, judge: str, kind: str, notice: Notice) -> dict[Key, Mapping[str, float]]:
    """What a judge answered about each image of a run, by its signature."""
    records = run.directory.seen(judge, notice, kind)
    return {one.key: one.answers for one in records if isinstance(one, AnswerRecord)}


def answered(judging: Judging, prompt: Prompt, key: Key, answers: Mapping[str, Answers]) -> bool:
    """Whether the judges answered everything that the rule asks about an image."""
    return all(
        found.by_image.get(key, {}).keys() >= set(judging.rule.asked(prompt, kind))
        for kind, found in answers.items()
    )


def _by_kind(run: Run, kinds: Sequence[str], given: str | Sequence[str]) -> dict[str, str | None]:
    """Which of the judges that a user names answers which kind; None for a kind without one."""
    names = [given] if isinstance(given, str) else list(given)
    if len(kinds) == 1 and len(names) == 1:
        return {kinds[0]: names[0]}
    found: dict[str, str | None] = dict.fromkeys(kinds)
    for name in names:
        fitting = [k for k in kinds if matching(name, run.directory.detectors(k), SEEN[k].model)]
        if len(fitting) != 1 or found[fitting[0]] is not None:
            there = {k: run.directory.detectors(k) for k in kinds}
            have = "; ".join(f"{SEEN[k].what}: {', '.join(there[k]) or 'none'}" for k in kinds)
            raise UserError(
                f"--judge {name} is not one of the judges that are meant in {run.path} ({have}): "
                "name one for each at most."
            )
        found[fitting[0]] = name
    return found
