"""Having a detector look at the images of a run that is there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..plugins import Detector, DetectorPlugin
from ..runs.names import backbone_name
from ..stages.plan import WHOLE, Shard
from . import choosing
from .evaluation import DEFAULT_BATCH_SIZE

if TYPE_CHECKING:
    from ..executors import Executor
    from ..runs.opening import Run
    from ..runs.progress import Progress
    from ..stages.detect import Detected


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
    from ..executors.local import LocalExecutor
    from ..runs.machine import this_machine
    from ..stages.detect import detect
    from ..stages.preflight import Wanted, prepare

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
    prepare(Wanted(run.path, expected, detector=found_by))
    batch = batch_size or DEFAULT_BATCH_SIZE
    run = replace(run, machine=this_machine(device, batch_size=batch))
    executor = executor or LocalExecutor(progress.notice)
    return detect(run, found_by, batch, executor, progress, shard), found_by
