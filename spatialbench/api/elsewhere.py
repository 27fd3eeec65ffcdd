"""Work that was made elsewhere, images, detections or results, as a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..executors.named import named_executor
from ..plugins import Benchmark, Detector, DetectorPlugin, Rule
from ..plugins.layout import DETECTIONS, ONE_FILE, RESULTS
from ..runs.progress import Progress
from ..runs.seeds import SeedScheme
from ..runs.selection import Selection
from ..weights.devices import chosen_device
from . import choosing
from .console import told
from .looking import look
from .run import Run

if TYPE_CHECKING:
    from ..exchange.in_memory import Images
    from ..exchange.matching import Matching
    from ..exchange.target import Target
    from ..executors import Executor
    from ..runs.opening import Run as StoredRun


def bring_images(
    images: Path | Images,
    target: Target,
    name: str,
    *,
    backbone: str,
    layout: str | None,
    progress: Progress,
    shown: Callable[[Matching, int], None] = lambda matching, expected: None,
    dry_run: bool = False,
) -> StoredRun | None:
    """A run of a folder, an archive or a mapping of images; None where it is only a dry run.

    Args:
        shown: told what matches what, and how many images are expected, before anything is written.

    Raises:
        UserError: files that do not match the expected images, unless the target allows it.
    """
    from ..exchange.in_memory import LAYOUT, source_in_memory
    from ..exchange.layouts import names_of, place, texts_of
    from ..exchange.matching import match
    from ..exchange.read_images import import_images
    from ..exchange.sources import open_source
    from ..runs.expected import expect
    from ..runs.imported import Imported

    expected = expect(target.benchmark, target.subset, target.selection, target.seeds)
    names = names_of(expected)
    texts: dict[str, str] = {}
    if isinstance(images, Path):
        if layout is None:
            raise UserError(
                f"nothing says which image each file of {images} is: give a layout, see "
                "'spatialbench list layouts'."
            )
        source = open_source(images)
        placed = place(layout, source, names)
        texts = texts_of(source, names)
    else:
        source, placed = source_in_memory(images)
    progress.begin("check", 0, sum(isinstance(where, tuple) for where in placed.values()))
    matching = match(source, placed, expected, progress.advance, texts)
    progress.end()
    shown(matching, expected.images)
    if not matching.clean and not target.allow_partial:
        raise UserError(
            f"{len(matching.matched):,} of {expected.images:,} expected images match, and "
            f"nothing was imported ({matching.first_problem}): correct what the report lists, or "
            "give --allow-partial to import what matches."
        )
    if dry_run:
        return None
    method = Imported(name, backbone, layout or LAYOUT, matching.content, matching.rewritten)
    return import_images(source, matching, target, method, progress)


def bring_file(
    path: Path,
    target: Target,
    name: str,
    *,
    backbone: str,
    layout: str,
    detector: str | None,
    notice: Callable[[str], None],
) -> StoredRun:
    """A run of a file of detections or of official results.

    Args:
        layout: ``DETECTIONS`` or ``RESULTS``.
        detector: who made the detections; None for ``external``.

    Raises:
        UserError: as the readers of ``exchange.read_results``.
    """
    from ..exchange.read_results import EXTERNAL, content_of, import_detections, import_verdicts
    from ..runs.imported import Imported, rewritten_note

    rewritten = target.benchmark.rewritten_prompts(path) if layout == RESULTS else 0
    method = Imported(name, backbone, layout, content_of(path), rewritten)
    if rewritten:
        notice(rewritten_note(rewritten))
    if layout == DETECTIONS:
        run, found = import_detections(path, target, method, detector or EXTERNAL)
        notice(f"{found:,} of {run.expected.images:,} images")
        return run
    run, left_out = import_verdicts(path, target, method)
    if left_out:
        notice(f"{left_out:,} verdicts are of images that are not expected, and were left out")
    return run


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
    detector: str | Detector | DetectorPlugin | None = None,
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
        images: by (prompt id, image index), each a PIL image or the path of one; or, with a
            ``layout``, a folder or archive of them, or a file of detections or official results.
        bench: ``NAME``, ``NAME:subset`` or a ``Benchmark``.
        name: what the method that made them is called in tables.
        layout: how the files are named, as ``spatialbench list layouts`` says; ``detections`` or
            ``results`` for one file.
        backbone: the model it was made with, which is told; the lab's name has the lab's detector.
        limit: only the first so many prompts are expected; see ``evaluate`` for all others.
        only: tasks, relations or prompt ids that are expected.
        images_per_prompt: that are expected; None for the benchmark's own number.
        seeds: that they were made with, as far as known.
        allow_partial: whether less than everything expected may be there.
        detector: see ``evaluate``; so for what follows.
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
            )
            return Run(run, None if layout == RESULTS else judged(run, shown, judging))
        brought = bring_images(
            given, target, name, backbone=backbone, layout=layout, progress=shown
        )
        assert brought is not None
        brought = replace(brought, alone=None)
        _, found_by = look(
            brought,
            detector,
            device=device,
            progress=shown,
            offline=offline,
            batch_size=batch_size,
            executor=executor,
        )
        return Run(brought, judged(brought, shown, judging, found_by.signature()))
    finally:
        shown.end()
