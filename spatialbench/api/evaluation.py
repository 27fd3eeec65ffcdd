"""Evaluating a method: its images, what is found in them, the verdicts, the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backbones.named import own_dtype
from ..executors.ray_cluster import one_cluster
from ..plugins import Benchmark, Detector, DetectorPlugin, GenerationSettings, Judge, Method, Rule
from ..plugins.evidence import DEPTH, FOUND_WITH_BOXES
from ..plugins.kernels import STOCK, Kernels
from ..prompt_transforms import Transformed
from ..runs.names import backbone_name
from ..runs.progress import Progress
from ..runs.selection import Selection
from ..stages.plan import WHOLE, Shard
from . import choosing
from .asked_models import Judges, depth_model, judges
from .at_work import check, executor_of, opened
from .backbone_commit import chosen, settled
from .batches import AUTO, BatchSize, batch_of, measured_batch, notes
from .console import progress as drawn
from .known_names import narrowed, refuse_without_boxes
from .rewriting import Rewriting, rewritten
from .what import called, device_of, method_of, object_of

if TYPE_CHECKING:
    from ..backbones.named import Chosen
    from ..executors import Executor
    from ..runs.expected import Expected
    from ..runs.opening import Run, RunSpec
    from ..scoring.judging import Judging
    from ..scoring.summary import Summary
    from ..stages.depth_model import DepthModel
    from ..stages.looker import Look
    from ..stages.preflight import Wanted


@dataclass(frozen=True)
class Evaluation:
    """What is asked, before anything is made. None is the default of whatever it is asked of.

    Attributes:
        what: see :func:`~spatialbench.api.evaluate.evaluate`; so for all others.
        executor: where the work is done; None for this process.
        shard: the part of the work to do.
        here: whether this machine must have the device, if the work is done in this process.
        command: what makes the images again, for ``status`` to show.
        retry_refused: whether what earlier commands were refused is asked for again.
        until: what the number of prompts is decided by; ``until.run`` decides.
        configured: the method as another evaluation of the same settings made it; None to make it.
        overlap: whether images are looked at while others are being made.
        kernels: what makes images faster and changes their rounding.
        record: what is kept of how images are made; see ``plugins.Method.recordings``.
        pack: whether the images go into packs instead of files of their own.
    """

    what: object
    bench: str | Benchmark
    parameters: Mapping[str, Any] = field(default_factory=dict)
    backbone: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    width: int | None = None
    height: int | None = None
    dtype: str | None = None
    prompt_transform: Rewriting | None = None
    limit: int | None = None
    only: tuple[str, ...] = ()
    images_per_prompt: int | None = None
    seeds: str = "protocol"
    detector: str | Detector | DetectorPlugin | None = None
    judge: Judges = None
    depth: str | DepthModel | None = None
    rule: str | Rule | None = None
    threshold: float | None = None
    name: str | None = None
    out: Path | None = None
    device: str | None = None
    batch_size: BatchSize | None = None
    offline: bool = False
    executor: Executor | None = None
    progress: Progress = field(default_factory=drawn)
    shard: Shard = WHOLE
    here: bool = True
    command: str | None = None
    retry_refused: bool = False
    until: str | None = None
    configured: Method | None = None
    known_names_only: bool = False
    synonyms: bool = False
    overlap: bool = False
    kernels: Kernels = STOCK
    record: tuple[str, ...] = ()
    pack: bool = False

    @cached_property
    def settings(self) -> GenerationSettings:
        """What the method is asked for."""
        return GenerationSettings(
            backbone=self._chosen.name,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            scheduler=self.scheduler,
            width=self.width,
            height=self.height,
            dtype=self.dtype or own_dtype(self._chosen.name, offline=self.offline),
            device=device_of(self, self.found),
            offline=self.offline,
            kernels=self.kernels,
        )

    @cached_property
    def found(self) -> Any:
        """The object that is evaluated; see ``object_of``."""
        return object_of(self.what)

    @cached_property
    def _chosen(self) -> Chosen:
        return chosen(self, self.found)

    @cached_property
    def method(self) -> Method:
        """The method with its settings. Raises UserError for one that it does not take."""
        return self.configured or method_of(self, self.found)

    @cached_property
    def spec(self) -> RunSpec:
        """Benchmark, subset, method and seeds; loads no model.

        Raises:
            UserError: an unknown name or a value one of them does not take.
        """
        from ..runs.opening import RunSpec
        from ..runs.seeds import SeedScheme

        called(self, self.found)
        benchmark, subset = choosing.benchmark_and_subset(self.bench)
        seeds = SeedScheme.parse(self.seeds)
        plain = RunSpec(benchmark, subset, self.method, seeds)
        spec = rewritten(plain, self.prompt_transform, self.out, self.progress.notice)
        return settled(self, spec, self._chosen)

    @cached_property
    def selection(self) -> Selection:
        """Which prompts and images. Raises UserError for known names of no detector."""
        asked = Selection(self.limit, self.only, self.images_per_prompt)
        return narrowed(self, asked) if self.known_names_only else asked

    @cached_property
    def expected(self) -> Expected:
        """The images asked for. Raises UserError for a prompt that its transform cannot take."""
        expected = self.spec.expect(self.selection)
        if isinstance(method := self.spec.generator, Transformed):
            method.transform.check(expected.prompts)
        return expected

    @property
    def folder(self) -> Path:
        """Where the run lies, or is to lie."""
        return self.out or self.spec.folder()

    @cached_property
    def batch(self) -> int:
        """Images at a time; ``auto`` is measured when it is first asked for."""
        if self.batch_size == AUTO:
            return measured_batch(self)
        return batch_of(self.spec.generator, self.batch_size)

    @property
    def notes(self) -> list[str]:
        """What is printed before the first image. Raises UserError for a prompt that cannot be."""
        return notes(self.spec.generator, self.expected.prompts, self.batch_size)

    @cached_property
    def found_by(self) -> Detector | None:
        """The detector that looks at the images; None where the rule sees no boxes."""
        refuse_without_boxes(self.judging.rule, self.known_names_only, self.synonyms)
        if self._kinds.isdisjoint(FOUND_WITH_BOXES):
            return None
        how = (self.expected.prompts, self.progress.notice, self.synonyms)
        return choosing.detector(*self.detector_asked, *how)

    @property
    def detector_asked(self) -> tuple[Any, Benchmark, str, str, str, bool]:
        """What stands first in ``choosing.plain_detector``."""
        spec, backbone = self.spec, backbone_name(self.spec.identity["generator"])
        of = (spec.benchmark, spec.subset, backbone)
        return self.detector, *of, self.settings.device, self.offline

    @cached_property
    def answered_by(self) -> list[Judge]:
        """The judges that are asked about the images; none where the rule needs no answers."""
        benchmark, device = self.spec.benchmark, self.settings.device
        return judges(self.judge, benchmark, self.judging.name, self._kinds, device, self.offline)

    @cached_property
    def depth_by(self) -> DepthModel | None:
        """What makes the depth maps; None where the rule needs none, or takes those there are."""
        if DEPTH not in self._kinds:
            return None
        rule, device = self.judging.rule, self.settings.device
        return depth_model(self.depth, rule, device, self.offline)

    @cached_property
    def _kinds(self) -> frozenset[str]:
        """The kinds of evidence that are needed, if nothing is named for another."""
        kinds = self.judging.kinds(self.expected.prompts)
        self.judging.refuse_unused(kinds, self.detector, self.judge, self.depth)
        return kinds

    @cached_property
    def judging(self) -> Judging:
        """The rule that judges what was found, and from which score a box counts."""
        benchmark, subset = self.spec.benchmark, self.spec.subset
        return choosing.judging(benchmark, self.rule, self.threshold, subset)

    def wanted(self, *, looked_at: bool = True) -> Wanted:
        """What is about to be done, the images alone or all of it."""
        from ..stages.estimate import estimate
        from ..stages.preflight import Wanted

        size = estimate(self.spec.identity["generator"], 1, "cpu").bytes
        # A shard judges nothing.
        judging = self.judging if looked_at and self.shard.whole else None
        looks = self._looks() if looked_at else ()
        depth = self.depth_by if looked_at else None
        of = (self.folder, self.expected, self.spec.generator)
        return Wanted(*of, looks, judging, size, depth, self.executor)

    def _looks(self) -> list[Look]:
        from ..stages.looker import Look

        return Look.of(self.found_by, self.answered_by, self.spec.benchmark, self.judging.rule)

    def run(self, *, meanwhile: str = "") -> tuple[Run, Summary | None]:
        """Do what is left to do; no summary of a shard.

        Args:
            meanwhile: a sentence to add where only the images could be made.
        """
        from ..stages.preflight import prepare
        from ..stages.whole import Work, run_all

        check(self)
        prepare(self.wanted(), meanwhile)
        work = Work(
            self.spec.generator,
            self.found_by,
            executor_of(self),
            self.batch,
            self.judging,
            self.shard,
            self.answered_by,
            self.retry_refused,
            self.overlap,
            self.depth_by,
        )
        with opened(self) as run:
            self.progress.notice(f"run: {run.path}")
            summary = run_all(run, work, self.progress)
            return run.with_machines(), summary

    @one_cluster()
    def generate(self) -> tuple[Run, int]:
        """Make the images that are missing; the run, and how many were made."""
        from ..stages.generate import generate
        from ..stages.preflight import prepare

        check(self)
        prepare(self.wanted(looked_at=False))
        with opened(self) as run:
            made = generate(
                run,
                self.spec.generator,
                self.batch,
                executor_of(self),
                self.progress,
                self.shard,
                retry_refused=self.retry_refused,
            )
        return run.with_machines(), made
