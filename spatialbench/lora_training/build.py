"""Generate, detect, estimate depth, check, keep: a training set, resumable at every image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from ..errors import UserError, typed
from ..executors import Executor
from ..plugins import Detector, Method
from ..plugins.records import BoxRecord
from ..prompts import Key, Prompt, asked_triplets
from ..reports.report import Report
from ..runs.files import make_folder
from ..runs.machine import Machine
from ..runs.opening import Run, RunSpec, opened_run
from ..runs.progress import Progress
from ..runs.seeds import SeedScheme
from ..runs.selection import Selection
from ..scoring.judging import Judging
from ..scoring.rules.any_benchmark import AnyBenchmarkRule, in_depth
from ..scoring.rules.depth_maps import DepthFolder, folder_of_run
from ..stages.depth import make_depth
from ..stages.depth_model import DepthModel, asking
from ..stages.detect import detect
from ..stages.generate import generate
from ..stages.looker import Look
from ..stages.preflight import Wanted, fetch, needs, require
from .benchmark import RUN, TrainingPrompts, store_prompts
from .kept_set import IMAGES, Image, KeptSet, write_kept
from .rejections import KEPT, UNREADABLE, Rejections, outcome


@dataclass(frozen=True)
class Build:
    """What to make a training set from.

    Attributes:
        folder: where it goes.
        prompts: what to generate.
        generator: the method that draws the images.
        detector: what finds the objects.
        judging: the geometric check; every relation of a prompt must hold strictly.
        seed: of the images.
        batch_size: images at a time.
        depth: what makes the depth maps of images whose prompts ask for depth; None to take those
            that are there. See :func:`depth_of_set`.
    """

    folder: Path
    prompts: TrainingPrompts
    generator: Method
    detector: Detector
    judging: Judging
    seed: int
    batch_size: int
    depth: DepthModel | None = None


def depth_of_set(folder: Path, model: DepthModel, rule: AnyBenchmarkRule) -> DepthModel | None:
    """The model where nobody named one: None where ``rule`` or the set has maps of another already.

    Raises:
        UserError: several other models have made maps in the set.
    """
    run = folder / RUN
    if rule.depth is not None:
        return None
    if DepthFolder.of_model(run, model.signature()).path.is_dir():
        return model
    return model if folder_of_run(run, rule.name.split("/")[0]) is None else None


def build(
    plan: Build, executor: Executor, machine: Machine, command: str, progress: Progress
) -> tuple[KeptSet, Rejections]:
    """Make the images and detections that are missing, then keep what passes.

    Raises:
        UserError: as the stages; nothing passed (with the table of rejections); a folder that
            holds the data of other settings.
    """
    spec = RunSpec(plan.prompts, plan.prompts.default_subset, plan.generator, SeedScheme(plan.seed))
    expected = spec.expect(Selection())
    wanted = Wanted(
        plan.folder / RUN,
        expected,
        plan.generator,
        [Look.for_boxes(plan.detector, expected.benchmark)],
        # Maps that others make can only be made once the images are there.
        judging=None if plan.depth is None else plan.judging,
        depth=plan.depth,
    )
    require(needs(wanted), fetch=lambda: fetch(wanted))
    rejections = Rejections()
    # A link below the set would lead what is written there out of it.
    make_folder(plan.folder)
    make_folder(plan.folder / RUN, plan.folder)
    with opened_run(spec, Selection(), machine, plan.folder / RUN, command) as run:
        store_prompts(run.path, plan.prompts)
        for _ in range(2):
            generate(run, plan.generator, plan.batch_size, executor, progress)
            if not detect(run, plan.detector, plan.batch_size, executor, progress).discarded:
                break
        asked = asking(plan.judging.rule, run.expected)
        if plan.depth is not None and asked:
            make_depth(run, plan.depth, progress, wanted=asked)
        judging = _bound(run, plan)
        kept = list(_kept(run, plan, judging, rejections, progress))
    if not kept:
        raise UserError(
            f"none of the {rejections.images} images passed {plan.judging.name}, so there is "
            f"nothing to train on:\n\n{Report([rejections.table()]).text('table')}\n\n"
            "Objects not found: try another --threshold, --detector or --backbone. Relations "
            "wrong: give more prompts, or a --method that places better."
        )
    described = _description(run, plan, judging, rejections)
    return write_kept(plan.folder, kept, described), rejections


def _bound(run: Run, plan: Build) -> Judging:
    """The check with its depth maps: the plan's model's, else those that are there."""
    judging = plan.judging
    if plan.depth is not None:
        maps = DepthFolder.of_model(run.path, plan.depth.signature())
        judging = replace(judging, rule=replace(cast(AnyBenchmarkRule, judging.rule), depth=maps))
    judging = judging.of_run(run.path, run.expected.prompts)
    rule = cast(AnyBenchmarkRule, judging.rule)
    if rule.depth is None and any(in_depth(prompt) for prompt in run.expected.prompts):
        raise UserError(
            f"{rule.name} needs depth maps for the prompts that ask for in front of or behind: "
            f"type '{typed('depth', run.path)}', then this command again; it goes on from there."
        )
    return judging


def _kept(
    run: Run, plan: Build, judging: Judging, rejections: Rejections, progress: Progress
) -> Iterator[tuple[Image, dict[str, Any]]]:
    """The files and records of what passes, in run order; everything is counted."""
    finished = run.directory.finished_images(progress.notice)
    found: dict[Key, BoxRecord] = {
        record.key: record
        for record in run.directory.seen(plan.detector.signature(), progress.notice)
    }
    keys = run.expected.keys()
    for key in keys:
        prompt = run.expected.by_id[key[0]]
        if key not in found or key not in finished:
            rejections.add(prompt.task, UNREADABLE, in_depth(prompt))
            continue
        result = outcome(judging.verdict(prompt, found[key]))
        rejections.add(prompt.task, result, in_depth(prompt))
        if result == KEPT:
            record = _record(prompt, key, found[key], judging.threshold)
            path: Image = run.directory.image_path(*key)
            if run.directory.is_packed(key):
                path = partial(run.directory.read_image, key, finished[key].sha256)
            yield path, record | {"sha256": finished[key].sha256}


def _record(prompt: Prompt, key: Key, found: BoxRecord, threshold: float) -> dict[str, Any]:
    detections = found.detections().above(threshold)
    names: Sequence[str] = prompt.objects
    return {
        "file_name": f"{IMAGES}/{key[0]}-{key[1]}.png",
        "text": prompt.text,
        "relations": [[t.subject, t.relation.value, t.object] for t in asked_triplets(prompt)],
        "objects": [label for label in detections.labels if label in names],
        "boxes": [
            box
            for box, label in zip(detections.boxes.tolist(), detections.labels, strict=True)
            if label in names
        ],
        "width": detections.width,
        "height": detections.height,
    }


def _description(run: Run, plan: Build, judging: Judging, rejections: Rejections) -> dict[str, Any]:
    maps = cast(AnyBenchmarkRule, judging.rule).depth
    depth = {}
    if rejections.depth and maps is not None:
        counted = {"images": rejections.depth.total(), "kept": rejections.depth[KEPT]}
        depth = {"depth": {"model": maps.signature, **counted}}
    return {
        "format": 1,
        "note": "a reconstruction of ESPLoRA's data pipeline; the authors released none",
        "run": run.manifest.id,
        "identity": run.manifest.identity,
        "detector": plan.detector.signature(),
        "rule": plan.judging.name,
        "threshold": plan.judging.threshold,
        "images": rejections.images,
        "kept": rejections.total(KEPT),
        "outcomes": rejections.to_json(),
        **depth,
    }
