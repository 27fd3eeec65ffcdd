"""Having a detector or a judge look at the images of a run that is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError, typed
from ..executors.ray_cluster import one_cluster
from ..plugins import Detector, DetectorPlugin, Judge, Method, Rule
from ..plugins.evidence import DEPTH, FOUND_WITH_BOXES, OF_JUDGES
from ..runs.names import backbone_name
from ..stages.plan import WHOLE, Shard
from . import choosing
from .asked_models import Judges, depth_model, judges
from .batches import DEFAULT_BATCH_SIZE
from .known_names import DetectorAsked, fetch_to_tell, known_to, refuse_without_boxes

if TYPE_CHECKING:
    from ..executors import Executor
    from ..runs.expected import Expected
    from ..runs.opening import Run
    from ..runs.progress import Progress
    from ..scoring.judging import Judging
    from ..scoring.summary import Summary
    from ..stages.depth_model import DepthModel
    from ..stages.detect import Detected
    from ..stages.looker import Look


def look(
    run: Run,
    detector: str | Detector | DetectorPlugin | None,
    *,
    device: str,
    progress: Progress,
    offline: bool = False,
    batch_size: int | None = None,
    executor: Executor | None = None,
    shard: Shard = WHOLE,
    known_names_only: bool = False,
    synonyms: bool = False,
) -> tuple[Detected, Detector]:
    """Find the objects in the images that have not been looked at; what was done, and by whom.

    Args:
        known_names_only: only in those whose prompt's every name the detector knows.
        synonyms: ask it for other names of what it does not know.

    Raises:
        UserError: as :func:`spatialbench.api.choosing.detector` and the stage.
    """
    from ..stages.looker import Look

    expected = run.expected
    asked = (
        *(detector, expected.benchmark, expected.subset, backbone_name(run.generator)),
        *(device, offline),
    )
    fetch_to_tell(asked, known_names_only or synonyms)
    if known_names_only:
        run = replace(run, expected=known_part(expected, asked, synonyms))
    found_by = choosing.detector(*asked, run.expected.prompts, progress.notice, synonyms)
    wanted = Look.for_boxes(found_by, expected.benchmark)
    return _looked(run, wanted, device, progress, batch_size, executor, shard), found_by


def known_part(expected: Expected, asked: DetectorAsked, synonyms: bool) -> Expected:
    """The images whose prompt's every name a detector knows.

    Args:
        asked: the first arguments of ``choosing.plain_detector``.

    Raises:
        UserError: there are none.
    """
    from ..runs.known_names import part_of

    known = known_to(asked, expected.selection, synonyms).known_names
    return part_of(expected, known or {})


@one_cluster()
def ask(
    run: Run,
    judge: Judges,
    rule: Rule,
    *,
    device: str,
    progress: Progress,
    offline: bool = False,
    batch_size: int | None = None,
    executor: Executor | None = None,
    shard: Shard = WHOLE,
) -> tuple[Detected, list[Judge]]:
    """Ask judges a rule's questions about the images that lack an answer; as ``look``.

    Args:
        judge: those to ask; None for all that the rule needs, as far as they are known.

    Raises:
        UserError: a rule that asks nothing, or as ``asked_models.judges`` and the
            stage.
    """
    from ..stages.detect import Detected
    from ..stages.looker import Look

    expected = run.expected
    kinds = {kind for prompt in expected.prompts for kind in rule.needs_of(prompt)}
    if kinds.isdisjoint(OF_JUDGES):
        raise UserError(
            f"{rule.name} asks a judge nothing about these prompts: give another --rule, or leave "
            "out --judge."
        )
    asked = judges(judge, expected.benchmark, rule.name, kinds, device, offline, alone=True)
    done = [
        _looked(run, Look.for_answers(one, rule), device, progress, batch_size, executor, shard)
        for one in asked
    ]
    return Detected.together(done), asked


@dataclass(frozen=True)
class Judged:
    """Looking at imported images and judging them, as far as asked.

    Attributes:
        judging: the rule, which says what has to be seen.
        detector: as in ``look``.
        judge: as in ``ask``.
        score: whether to apply the rule, too.
        depth: what makes the depth maps that the rule lacks; None for the rule's own.
    """

    judging: Judging
    detector: str | Detector | DetectorPlugin | None
    judge: Judges
    score: bool
    device: str
    progress: Progress
    offline: bool = False
    batch_size: int | None = None
    executor: Executor | None = None
    known_names_only: bool = False
    synonyms: bool = False
    depth: str | DepthModel | None = None

    def check(self, folder: Path, expected: Expected, method: Method) -> None:
        """Whether all of it can be had, before anything is written. Raises UserError."""
        from ..stages.looker import Look
        from ..stages.preflight import Wanted, prepare

        backbone = backbone_name(method.identity())
        refuse_without_boxes(self.judging.rule, self.known_names_only, self.synonyms)
        asked = self._asked(expected, backbone)
        fetch_to_tell(asked, self.known_names_only or self.synonyms)
        if self.known_names_only:
            expected = known_part(expected, asked, self.synonyms)
        boxes, answers = self._models(expected, backbone)
        looks = Look.of(boxes, answers, expected.benchmark, self.judging.rule)
        judging = self.judging if self.score else None
        depth = self._depth(expected) if self.score else None
        prepare(Wanted(folder, expected, method, looks, judging, depth=depth))

    @one_cluster()
    def done(self, run: Run) -> Summary | None:
        """The summary; None where only looking was asked for."""
        from ..runs.machine import this_machine
        from ..scoring.score import score
        from ..stages.depth import make_depth
        from ..stages.depth_model import asking

        how: dict[str, Any] = {
            "device": self.device,
            "progress": self.progress,
            "offline": self.offline,
            "batch_size": self.batch_size,
            "executor": self.executor,
        }
        kinds = self._kinds(run.expected)
        boxes, answers = None, []
        if not kinds.isdisjoint(FOUND_WITH_BOXES):
            only, other = self.known_names_only, self.synonyms
            found_by = look(run, self.detector, known_names_only=only, synonyms=other, **how)[1]
            boxes = found_by.signature()
            if only:
                run = known_run(run, boxes)
        for judge in self._judges(run.expected, kinds):
            ask(run, judge, self.judging.rule, **how)
            answers.append(judge.signature())
        if self.score and (model := self._depth(run.expected)) is not None:
            wanted = asking(self.judging.rule, run.expected)
            machine = this_machine(self.device)
            make_depth(replace(run, machine=machine), model, self.progress, wanted=wanted)
        return score(run, self.progress, self.judging, boxes, answers) if self.score else None

    def _kinds(self, expected: Expected) -> frozenset[str]:
        kinds = self.judging.kinds(expected.prompts)
        self.judging.refuse_unused(kinds, self.detector, self.judge, self.depth)
        return kinds

    def _asked(self, expected: Expected, backbone: str) -> DetectorAsked:
        of = (expected.benchmark, expected.subset, backbone)
        return (self.detector, *of, self.device, self.offline)

    def _depth(self, expected: Expected) -> DepthModel | None:
        if DEPTH not in self._kinds(expected):
            return None
        return depth_model(self.depth, self.judging.rule, self.device, self.offline)

    def _models(self, expected: Expected, backbone: str) -> tuple[Detector | None, list[Judge]]:
        boxes, kinds = None, self._kinds(expected)
        if not kinds.isdisjoint(FOUND_WITH_BOXES):
            asked = self._asked(expected, backbone)
            boxes = choosing.detector(*asked, expected.prompts, synonyms=self.synonyms)
        return boxes, self._judges(expected, kinds)

    def _judges(self, expected: Expected, kinds: frozenset[str]) -> list[Judge]:
        rule = self.judging.name
        return judges(self.judge, expected.benchmark, rule, kinds, self.device, self.offline)


def known_run(run: Run, given: str | None) -> Run:
    """A run whose expected images are those that a detector was narrowed to; see ``score``.

    Args:
        given: the detector, as ``chosen_detector`` takes it.

    Raises:
        UserError: it was not narrowed.
    """
    from ..runs.chosen_detector import chosen_detector
    from ..runs.known_names import narrowed_run, recorded_names

    detector = chosen_detector(run, given)
    known = recorded_names(run, detector) or run.expected.selection.known_names
    if known is None:
        raise UserError(
            f"{detector} has looked at all images of {run.path}: leave out --known-names-only, or "
            "have a detector look at a part with "
            f"'{typed('detect', run.path, '--detector', 'NAME', '--known-names-only')}'."
        )
    return narrowed_run(run, known)


@one_cluster()
def _looked(
    run: Run,
    wanted: Look,
    device: str,
    progress: Progress,
    batch_size: int | None,
    executor: Executor | None,
    shard: Shard,
) -> Detected:
    from ..executors.local import LocalExecutor
    from ..runs.machine import this_machine
    from ..stages.detect import look as look_at
    from ..stages.preflight import Wanted, prepare

    prepare(Wanted(run.path, run.expected, looks=[wanted], executor=executor))
    batch = batch_size or DEFAULT_BATCH_SIZE
    run = replace(run, machine=this_machine(device, batch_size=batch))
    executor = executor or LocalExecutor(progress.notice)
    return look_at(run, wanted, batch, executor, progress, shard)
