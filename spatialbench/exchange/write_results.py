"""Writing a run's detections, or its results in the benchmark's own format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import UserError, typed
from ..plugins import Benchmark, Evidence, Source
from ..plugins.evidence import BOXES, OF_JUDGES, SEEN
from ..plugins.records import BoxRecord, SeenRecord
from ..prompts import Prompt
from ..reports.results import read_summary
from ..runs.chosen_detector import detect_command
from ..runs.files import require_not_of_a_run, write_report
from ..runs.opening import Run
from ..runs.record_lines import Notice, encode
from ..runs.sent_prompts import sent_texts
from ..scoring.judging import Judging
from ..scoring.seen import Answers, Looks, answered
from .write_images import say_what_is_lost


def _nobody(text: str) -> None:
    """Tell nobody."""


def export_detections(run: Run, detector: str, path: Path) -> int:
    """All detections of the expected images as one JSON Lines file; returns how many images.

    Raises:
        UserError: no detections, no space, a file of a run.
    """
    require_not_of_a_run(path)
    records = [encode(record.to_json()) for _, _, record in _records(run, detector)]
    if not records:
        raise UserError(
            f"{run.path} has no detections of the asked images by {detector}: type "
            f"'{detect_command(run, detector)}' first."
        )
    write_report(path, b"".join(records))
    return len(records)


def export_results(run: Run, folder: Path, notice: Notice = _nobody) -> list[Path]:
    """The run's results as the benchmark's own scripts write or read them.

    Files that hold texts hold those that the images were made from.

    Raises:
        UserError: a benchmark that has no format of its own, a run that is not scored, a folder of
            a run.
    """
    require_not_of_a_run(folder)
    benchmark = run.expected.benchmark
    no_format = UserError(
        f"{benchmark.name} has no results format of its own here: export --layout detections "
        "instead."
    )
    if type(benchmark).official_results is Benchmark.official_results:
        raise no_format
    result = read_summary(run.path)
    rule = next((r for r in benchmark.rules.values() if r.name == result.rule), None)
    if rule is None:
        raise UserError(
            f"{run.path} was scored with {result.rule}, which {benchmark.name} does not have now: "
            f"type '{typed('score', run.path)}' first."
        )
    judging = Judging(rule, result.threshold).of_run(run.path, run.expected.prompts)
    looks = Looks.of_signature(run, judging.kinds(run.expected.prompts), result.detector)
    answers = looks.answers(_nobody)
    images = [
        (prompt, index, _evidence(run, judging, answers, prompt, record))
        for prompt, index, record in _records(run, looks.named[looks.kind], looks.kind)
        if answered(judging, prompt, record.key, answers)
    ]
    if len(images) < result.images:
        what = SEEN[looks.kind].what
        raise UserError(
            f"{run.path} has {what} by {result.detector} of {len(images):,} of the "
            f"{result.images:,} images that were judged, and an official file is made of {what}: "
            "there is nothing to write it from."
        )
    sent: Mapping[str, str] = {}
    if type(benchmark).texts_in_results is Benchmark.texts_in_results:
        say_what_is_lost(run, "the file", notice)
    else:
        sent = sent_texts(run)
    contents = benchmark.official_results(
        [(replace(p, text=sent.get(p.id, p.text)), k, seen) for p, k, seen in images],
        run.expected.subset,
        rule,
        result.threshold,
        result.method,
        result.detector,
        run.expected.images_per_prompt,
    )
    if contents is None:
        raise no_format
    written = []
    for name, content in contents.items():
        write_report(folder / name, content)
        written.append(folder / name)
    return written


def _evidence(
    run: Run,
    judging: Judging,
    answers: Mapping[str, Answers],
    prompt: Prompt,
    record: SeenRecord,
) -> Evidence:
    """What an image is judged by: its record, what judges answered, what the rule itself finds."""
    index = record.key[1]

    def source(kind: str) -> Source | None:
        return answers.get(kind) if kind in OF_JUDGES else judging.rule.source(kind, run.path)

    if not isinstance(record, BoxRecord):
        return Evidence(prompt, index, None, source)
    boxes = record.detections().require_sound()
    return Evidence(prompt, index, record, source, boxes=boxes)


def _records(
    run: Run, signature: str, kind: str = BOXES
) -> Iterator[tuple[Prompt, int, SeenRecord]]:
    """What a model saw in the expected images, in run order."""
    expected = run.expected
    found = {one.key: one for one in run.directory.seen(signature, lambda notice: None, kind)}
    for key in expected.keys():  # noqa: SIM118
        if key in found:
            yield expected.by_id[key[0]], key[1], found[key]
