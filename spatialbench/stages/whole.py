"""All three stages one after the other: what the verb ``run`` does."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError
from ..executors import Executor
from ..plugins import Detector, Method
from ..runs.expected import name_some
from ..runs.opening import Run
from ..runs.progress import Progress
from ..scoring.judging import Judging
from ..scoring.score import score
from ..scoring.summary import Summary
from .detect import detect
from .generate import generate
from .plan import WHOLE, Shard


@dataclass(frozen=True)
class Work:
    """Who does the work, and in which batches."""

    generator: Method
    detector: Detector
    executor: Executor
    batch_size: int = 8
    judging: Judging | None = None
    shard: Shard = WHOLE


def run_all(run: Run, work: Work, progress: Progress) -> Summary | None:
    """Generate, detect, score. An image that detect finds unreadable is made again, once.

    A shard is not scored: it returns None.

    Raises:
        UserError: as the stages, or images that stay unreadable.
    """
    for _ in range(2):
        generate(run, work.generator, work.batch_size, work.executor, progress, work.shard)
        detected = detect(run, work.detector, work.batch_size, work.executor, progress, work.shard)
        if not detected.discarded:
            break
    else:
        raise UserError(
            f"images stay unreadable after they were made again "
            f"({name_some(list(detected.discarded))}): check the disk that holds {run.path}."
        )
    if not work.shard.whole:
        return None
    return score(run, progress, work.judging, work.detector.signature())
