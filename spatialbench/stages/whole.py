"""All three stages one after the other: what the verb ``run`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import UserError
from ..executors import Executor
from ..executors.ray_cluster import one_cluster
from ..plugins import Detector, Judge, Method
from ..prompts import Key
from ..runs.expected import name_some
from ..runs.opening import Run
from ..runs.progress import Progress
from ..scoring.judging import Judging
from ..scoring.score import score
from ..scoring.summary import Summary
from .alongside import NOTHING
from .depth import make_depth
from .depth_model import DepthModel, asking
from .detect import look
from .generate import generate
from .looker import Look
from .overlap import Overlap
from .plan import WHOLE, Shard, planned


@dataclass(frozen=True)
class Work:
    """Who does the work, and in which batches.

    ``overlap`` looks at images while others are being made; nothing else depends on it.
    """

    generator: Method
    detector: Detector | None
    executor: Executor
    batch_size: int = 8
    judging: Judging | None = None
    shard: Shard = WHOLE
    judges: Sequence[Judge] = ()
    retry_refused: bool = False
    overlap: bool = False
    depth: DepthModel | None = None

    def looks(self, run: Run) -> list[Look]:
        """Who looks at the images, and what they are asked."""
        benchmark, subset = run.expected.benchmark, run.expected.subset
        judging = self.judging or Judging.by_default(benchmark, subset)
        return Look.of(self.detector, self.judges, benchmark, judging.rule)

    def asking_depth(self, run: Run) -> list[Key]:
        """The images of this shard whose depth the rule asks for."""
        if self.judging is None:
            return []
        batches = planned(run.expected.keys(), self.batch_size, self.shard)
        mine = {key for batch in batches for key in batch}
        return [key for key in asking(self.judging.rule, run.expected) if key in mine]


@one_cluster()
def run_all(run: Run, work: Work, progress: Progress) -> Summary | None:
    """Generate, look, score. An image that turns out unreadable is made again, once.

    A shard is not scored: it returns None.

    Raises:
        UserError: as the stages, or images that stay unreadable.
    """
    with run.writing(shared=not work.shard.whole) as alone:
        return _run_all(replace(run, alone=alone), work, progress)


def _run_all(run: Run, work: Work, progress: Progress) -> Summary | None:
    for first in (True, False):
        looks = work.looks(run) if work.overlap and first else []
        beside = NOTHING
        if looks:
            beside = Overlap(run, looks, work.batch_size, progress, work.shard)
        with beside:
            generate(
                run,
                work.generator,
                work.batch_size,
                work.executor,
                progress,
                work.shard,
                retry_refused=work.retry_refused and first,
                beside=beside,
            )
            beside.finish()
        discarded: list[Key] = []
        for wanted in work.looks(run):
            seen = look(run, wanted, work.batch_size, work.executor, progress, work.shard)
            discarded += seen.discarded
        if not discarded:
            break
    else:
        raise UserError(
            f"images stay unreadable after they were made again "
            f"({name_some(discarded)}): check the disk that holds {run.path}."
        )
    if work.depth is not None:
        keys, shared = work.asking_depth(run), not work.shard.whole
        make_depth(run, work.depth, progress, wanted=keys, shared=shared)
    if not work.shard.whole:
        return None
    detector = None if work.detector is None else work.detector.signature()
    judges = [judge.signature() for judge in work.judges]
    return score(run, progress, work.judging, detector, judges)
