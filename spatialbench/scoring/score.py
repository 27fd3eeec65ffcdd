"""The third stage: judge every image and write the table."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..errors import UserError
from ..plugins import ScoreTable, Verdict
from ..plugins.evidence import SEEN
from ..plugins.subsets import stands_in_for
from ..runs import signature as signatures
from ..runs.chosen_detector import detect_command
from ..runs.expected import Expected
from ..runs.known_names import require_part
from ..runs.machine import software
from ..runs.names import method_name
from ..runs.opening import Run
from ..runs.progress import Progress
from ..runs.sent_prompts import given_note
from ..runs.signature import Signature
from ..runs.store import read_detector
from .judging import OWN_THRESHOLD, Judging
from .label_names import some
from .looked import Looked
from .own_summary import inputs_of, own_summary, write_unless_smaller
from .scores_file import read_scores
from .seen import Looks, answered
from .summarise import Heading, summarise
from .summary import Summary
from .verdicts import build_table

STAGE = "score"

_TELL_EVERY = 1000


def score(
    run: Run,
    progress: Progress,
    judging: Judging | None = None,
    detector: str | None = None,
    judge: str | Sequence[str] | None = None,
    *,
    replace: bool = False,
) -> Summary:
    """Judge the stored detections of a run; write ``scores.parquet`` and ``summary.json``.

    Of fewer images than another detector or judge has seen nothing is written, which
    ``Summary.written`` tells; see ``own_summary``. Does nothing when they were made from the same
    detections, rule and threshold. The summary by another rule is kept; see ``other_rules``.

    Args:
        judging: None for the subset's own rule at its own threshold.
        detector: the detector whose boxes are judged, see ``chosen_detector``; None where there is
            only one.
        judge: likewise, whose answers; of a rule that needs several judges, the name of each.
        replace: write it all the same.

    Raises:
        UserError: no detections, several detectors and none named, damaged detections.
    """
    looks, judging = looked_by(run, judging, detector, judge)
    with run.writing():
        inputs, known = inputs_of(looks, judging), own_summary(run)
        if known is not None and known.inputs == inputs and known.summary_sha256 is not None:
            progress.begin(STAGE, known.images, known.images_expected)
            progress.end()
            return known
        judged = judge_run(looks, judging, progress)
        summary = judged.summary.model_copy(update={"inputs": inputs})
        summary, told = write_unless_smaller(
            looks, judging, summary, (judged.table, judged.reasons), known, replace=replace
        )
        progress.end()
        if told is not None:
            progress.notice(told)
    return summary


def looked_by(
    run: Run,
    judging: Judging | None,
    detector: str | None,
    judge: str | Sequence[str] | None,
) -> tuple[Looks, Judging]:
    """Whose records are judged, and the rule as it is for this run; the arguments as ``score``.

    Raises:
        UserError: nobody looked, or several did and none is named.
    """
    expected = run.expected
    judging = judging or Judging.by_default(expected.benchmark, expected.subset)
    judging = judging.of_run(run.path, expected.prompts)
    looks = Looks.of(run, judging, detector, judge)
    if looks.detector is not None:
        require_part(run, looks.detector)
    stated = None if looks.detector is None else own_threshold(run, looks.detector)
    return looks, judging.of_prompts(expected.prompts, stated)


@dataclass(frozen=True, slots=True)
class Judged:
    """Verdicts of a run and their summary. ``reasons[i]`` belongs to row i of ``table``."""

    table: ScoreTable
    reasons: list[str]
    summary: Summary


def judge_run(looks: Looks, judging: Judging, progress: Progress) -> Judged:
    """Judge what was seen of a run; nothing is written.

    Args:
        looks: whose records; with ``judging`` from ``looked_by``.

    Raises:
        UserError: no records of the asked images, or damaged ones.
    """
    run, expected = looks.run, looks.run.expected
    progress.begin(STAGE, 0, expected.images)
    looked = Looked(expected.benchmark, looks.own_labels)
    verdicts = _judged(looks, judging, progress, looked)
    per_prompt = expected.images_per_prompt
    table, reasons = build_table(
        expected.prompts,
        (
            (row // per_prompt, row % per_prompt, verdict)
            for row, verdict in enumerate(verdicts)
            if verdict is not None
        ),
    )
    if not reasons:
        what = SEEN[looks.kind].what
        raise UserError(
            f"{run.path} has no {what} of the asked images by {looks.signature}: type "
            f"'{detect_command(run, looks.named[looks.kind], looks.kind)}' first."
        )
    notes = [*given_note(run), *_known_note(expected)]
    notes += looked.notes(expected.all_prompts, judging)
    line = _signature(looks, judging, len(reasons))
    heading = Heading(
        method_name(run.generator), signatures.base(run.generator), expected.subset, line
    )
    summary = summarise(expected.benchmark, table, heading, notes, looked.one_colour)
    return Judged(table, reasons, summary.model_copy(update={"run": run.manifest.id}))


def read_verdicts(run: Run) -> Iterator[dict[str, Any]]:
    """The verdicts of ``scores.parquet``: prompt_id, index, task, correct, score, reason, facts.

    Raises:
        UserError: no file, or a damaged one.
    """
    return read_scores(run.directory.scores)


def own_threshold(run: Run, detector: str) -> float | None:
    """What the detector says counts, where it stands in for the benchmark's; else None."""
    told = read_detector(run.directory.detector_file(detector), run.path).get(OWN_THRESHOLD)
    expected = run.expected
    if told is None or not stands_in_for(expected.benchmark, expected.subset, detector):
        return None
    return float(told)


def _judged(
    looks: Looks, judging: Judging, progress: Progress, looked: Looked
) -> list[Verdict | None]:
    """Verdicts by position in run order; None where nobody looked at an expected image."""
    expected, path = looks.run.expected, looks.journals[0].path
    answers = looks.answers(progress.notice)
    judging = replace(judging, answers=answers)
    per_prompt = expected.images_per_prompt
    start = {prompt.id: row * per_prompt for row, prompt in enumerate(expected.prompts)}
    by_id = expected.by_id
    verdicts: list[Verdict | None] = [None] * expected.images
    judged = 0
    with _without_collector():
        for record in looks.records(progress.notice):
            prompt_id, index = record.key
            # A run can hold more than this selection asks for.
            if prompt_id not in start or not 0 <= index < per_prompt:
                continue
            prompt = by_id[prompt_id]
            if not answered(judging, prompt, record.key, answers):
                continue
            place = start[prompt_id] + index
            judged += verdicts[place] is None
            try:
                verdicts[place] = judging.verdict(prompt, record)
                looked.add(prompt, record, judging.decides_at(prompt))
            except UserError as error:
                raise UserError(f"{path}, image {prompt_id}/{index}: {error}") from error
            if judged >= _TELL_EVERY:
                progress.advance(judged)
                judged = 0
    progress.advance(judged)
    return verdicts


@contextmanager
def _without_collector() -> Iterator[None]:
    """Verdicts hold no cycles; walking over them again and again costs a tenth of the stage."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _known_note(expected: Expected) -> list[str]:
    """How many prompts were left out because of a name that the detector does not know."""
    selection, labels = expected.selection, expected.benchmark.labels
    if selection.known_names is None:
        return []
    out = [p for p in expected.all_prompts if not selection.knows(labels(p))]
    names = sorted({name for p in out for name in labels(p)} - selection.known_names.keys())
    return [
        f"{len(out):,} of the {len(expected.all_prompts):,} prompts of the set are left out: the "
        f"detector does not know all of their names ({some(names)})."
    ]


def _signature(looks: Looks, judging: Judging, found: int) -> Signature:
    run, expected = looks.run, looks.run.expected
    benchmark, subset, detector = expected.benchmark, expected.subset, looks.detector
    return Signature(
        benchmark=f"{benchmark.name}/{benchmark.version}",
        rule=judging.name,
        detector="+".join([looks.signature, *judging.words(expected.prompts)]),
        threshold=judging.threshold,
        prompts=len(expected.prompts),
        images_per_prompt=expected.images_per_prompt,
        software=software(),
        subset=None if subset == benchmark.default_subset else subset,
        only=expected.selection.signed_only,
        names=expected.selection.signed_names,
        found=found if found < expected.images else None,
        stands_in_for=None if detector is None else stands_in_for(benchmark, subset, detector),
        method=signatures.method(run.generator),
        parameters=signatures.parameters(run.generator),
        base=signatures.base(run.generator),
        seeds=str(expected.seeds),
        run=run.manifest.id,
        until=None if run.is_part else run.manifest.until,
    )
