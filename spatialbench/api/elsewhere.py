"""Work that was made elsewhere, images, detections or results, as a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..executors.named import named_executor
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule
from ..plugins.layout import ONE_FILE, RESULTS
from ..runs.progress import Progress
from ..runs.seeds import SeedScheme
from ..runs.selection import Selection
from ..weights.devices import chosen_device
from . import choosing
from .asked_models import Judges
from .bringing import bring_file, bring_images
from .console import told
from .looking import Judged
from .rewriting import Rewriting
from .run import Run

if TYPE_CHECKING:
    from ..exchange.in_memory import Images
    from ..executors import Executor
    from ..stages.depth_model import DepthModel


def score(
    images: str | Path | Images,
    bench: str | Benchmark,
    *,
    name: str,
    layout: str | None = None,
    backbone: str = "unknown",
    limit: int | None = None,
    only: str | Sequence[str] = (),
    images_per_prompt: int | None = None,
    seeds: str = "unknown",
    allow_partial: bool = False,
    prompt_transform: Rewriting | None = None,
    detector: str | Detector | DetectorPlugin | None = None,
    judge: Judges = None,
    depth: str | DepthModel | None = None,
    rule: str | Rule | None = None,
    threshold: float | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    batch_size: int | None = None,
    offline: bool = False,
    executor: str | Executor = "local",
    workers: int | None = None,
    progress: bool | Progress = True,
) -> Run:
    """Find the objects in images that were made elsewhere, and apply the rule.

    Args:
        images: by (prompt id, image index), each a PIL image or the path of one; or a folder or
            archive of them, a list of images, or a file of detections or official results.
        bench: ``NAME``, ``NAME:subset`` or a ``Benchmark``.
        name: what the method that made them is called in tables.
        layout: how the files are named, as ``spatialbench list layouts`` says; ``detections`` or
            ``results`` for one file. None to find out.
        backbone: the model it was made with, which is told; the lab's name has the lab's detector.
        limit: only the first so many prompts are expected; see ``evaluate`` for all others.
        only: tasks, relations or prompt ids that are expected.
        images_per_prompt: that are expected; None for the benchmark's own number.
        seeds: that they were made with, as far as known.
        allow_partial: whether less than everything expected may be there.
        prompt_transform: what had rewritten the prompts: as in ``evaluate``, ``none`` or
            ``unrecorded``; None for what the files say.
        detector: see ``evaluate``; so for what follows.
        judge: see there.
        depth: see there.
        rule: see there.
        threshold: see there.
        out: see there.
        device: see there.
        batch_size: see there.
        offline: see there.
        executor: see there.
        workers: see there.
        progress: see there.

    Raises:
        UserError: images that are missing, extra or unreadable, or as ``evaluate``.
    """
    from ..exchange.opened import file_kind
    from ..exchange.target import Target
    from ..scoring.score import score as judged

    shown = told(progress)
    benchmark, subset = choosing.benchmark_and_subset(bench)
    target = Target(
        benchmark,
        subset,
        Selection(limit, Selection.parse_only(only), images_per_prompt),
        SeedScheme.parse(seeds),
        allow_partial,
        None if out is None else Path(out),
    )
    judging = choosing.judging(benchmark, rule, threshold, subset)
    device = chosen_device(device)
    if isinstance(executor, str):
        executor = named_executor(executor, shown.notice, workers=workers, device=device)
    given = images if isinstance(images, Mapping) else Path(images)
    looking = Judged(
        judging,
        detector,
        judge,
        True,
        device,
        shown,
        offline,
        batch_size,
        executor,
        depth=depth,
    )
    if isinstance(given, Path) and layout is None:
        layout = file_kind(given, benchmark, subset)
    try:
        if layout in ONE_FILE:
            run = bring_file(
                Path(str(images)),
                target,
                name,
                backbone=backbone,
                layout=layout,
                detector=detector if isinstance(detector, str) else None,
                notice=shown.notice,
                prompt_transform=prompt_transform,
            )
            assert run is not None
            return Run(run, None if layout == RESULTS else judged(run, shown, judging))
        brought = bring_images(
            given,
            target,
            name,
            backbone=backbone,
            layout=layout,
            progress=shown,
            prompt_transform=prompt_transform,
            before=looking.check,
        )
        assert brought is not None
        brought = replace(brought, alone=None)
        return Run(brought, looking.done(brought))
    finally:
        shown.end()
