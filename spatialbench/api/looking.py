"""Having a detector or a judge look at the images of a run that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import UserError
from ..plugins import Detector, DetectorPlugin, Judge, JudgePlugin, Rule
from ..plugins.evidence import ANSWERS
from ..runs.names import backbone_name
from ..stages.plan import WHOLE, Shard
from . import choosing
from .evaluation import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from ..executors import Executor
    from ..runs.opening import Run
    from ..runs.progress import Progress
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
) -> tuple[Detected, Detector]:
    """Find the objects in the images that have not been looked at; what was done, and by whom.

    Raises:
        UserError: as :func:`spatialbench.api.choosing.detector` and the stage.
    """
    from ..stages.looker import Look

    expected = run.expected
    found_by = choosing.detector(
        detector,
        expected.benchmark,
        expected.subset,
        backbone_name(run.generator),
        device,
        offline,
        expected.prompts,
        progress.notice,
    )
    wanted = Look.for_boxes(found_by, expected.benchmark)
    return _looked(run, wanted, device, progress, batch_size, executor, shard), found_by


def ask(
    run: Run,
    judge: str | Judge | JudgePlugin | None,
    rule: Rule,
    *,
    device: str,
    progress: Progress,
    offline: bool = False,
    batch_size: int | None = None,
    executor: Executor | None = None,
    shard: Shard = WHOLE,
) -> tuple[Detected, Judge]:
    """Ask a judge a rule's questions about the images that lack an answer; as ``look``.

    Raises:
        UserError: a rule that asks nothing, or as :func:`spatialbench.api.choosing.judge` and the
            stage.
    """
    from ..stages.looker import Look

    expected = run.expected
    if not any(ANSWERS in rule.needs_of(prompt) for prompt in expected.prompts):
        raise UserError(
            f"{rule.name} asks a judge nothing about these prompts: give another --rule, or leave "
            "out --judge."
        )
    asked = choosing.judge(judge, expected.benchmark, rule.name, device, offline)
    wanted = Look.for_answers(asked, rule)
    return _looked(run, wanted, device, progress, batch_size, executor, shard), asked


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

    prepare(Wanted(run.path, run.expected, looks=[wanted]))
    batch = batch_size or DEFAULT_BATCH_SIZE
    run = replace(run, machine=this_machine(device, batch_size=batch))
    executor = executor or LocalExecutor(progress.notice)
    return look_at(run, wanted, batch, executor, progress, shard)
