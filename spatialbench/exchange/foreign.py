"""Scoring what belongs to no run: detections or verdicts that came from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UserError
from ..files.documents import limited_lines, parse_json
from ..files.regular_files import open_regular
from ..plugins import Benchmark, ScoreTable, Verdict
from ..plugins.records import BoxRecord
from ..prompts import Prompt
from ..runs.machine import software
from ..runs.selection import run_order
from ..runs.signature import Signature
from ..scoring.judging import Judging
from ..scoring.looked import Looked
from ..scoring.scores_file import table_rows
from ..scoring.summarise import Heading, summarise
from ..scoring.summary import Summary
from ..scoring.verdicts import build_table
from .prompt_book import PromptBook

_NOBODY = "external"

Said = TypeVar("Said")

_MOST_IMAGES = 1_000_000
"""Images of one prompt."""


@dataclass(frozen=True)
class Scored:
    """Verdicts and their summary. ``reasons[i]`` belongs to row i of ``table``."""

    table: ScoreTable
    reasons: list[str]
    summary: Summary

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """One JSON-ready dict an image: prompt_id, index, task, correct, score, reason, facts."""
        return table_rows(self.table, self.reasons)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a summary says of results from elsewhere.

    Attributes:
        subset: where prompt ids are looked up; None for the benchmark's default, then the others.
        detector: what stands for the detector in the signature.
        complete: whether every prompt of the subset is expected, and not only those that appear.
        images_per_prompt: expected images; None for as many as the prompt with the most has.
    """

    subset: str | None = None
    detector: str = _NOBODY
    method: str = _NOBODY
    backbone: str = "unknown"
    complete: bool = False
    images_per_prompt: int | None = None


def read_records(path: Path) -> Iterator[BoxRecord]:
    """Records of a detections JSON Lines file from elsewhere; empty lines are skipped.

    Raises:
        UserError: no such file, or a line that is not a detections record (its number is given).
    """
    try:
        with open_regular(path) as file:
            number = 0
            for number, line in enumerate(limited_lines(file), 1):
                if line.strip():
                    yield _record(path, number, line)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}): give a file of detections."
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path}, line {number + 1}, cannot be read ({error}): give one record per line."
        ) from error


def score_records(
    benchmark: Benchmark,
    records: Iterable[BoxRecord],
    *,
    judging: Judging | None = None,
    origin: Origin | None = None,
) -> Scored:
    """Judge detections that belong to no run.

    Args:
        records: ``prompt_id``, ``index``, ``width``, ``height``, ``boxes``, ``scores``,
            ``labels``: corners in pixels of the original image, y down. A record may bring a
            prompt of its own where the benchmark can read one (its optional
            ``prompt_of_record(record, subset)``, None for a record without); then only the
            prompts that appear are expected.
        judging: None for the subset's own rule at its own threshold.

    Raises:
        UserError: no record, an unknown prompt id, two prompts under one id, the same image
            twice, a malformed record.
    """
    origin = origin or Origin()
    judging = judging or Judging.by_default(benchmark, origin.subset)
    book = PromptBook(benchmark, origin.subset)
    about = [(_said(record, book.prompt), record) for record in records]
    judging = judging.of_prompts(list(book.used.values()))
    looked = Looked(benchmark)
    judged: list[tuple[Prompt, int, Verdict]] = []
    for prompt, record in about:
        judge = partial(judging.verdict, prompt, anywhere=prompt.id in book.foreign)
        verdict = _said(record, judge)
        looked.add(prompt, record, judging.decides_at(prompt))
        judged.append((prompt, record.key[1], verdict))
    if book.foreign:
        origin = replace(origin, complete=False)
    notes = looked.notes(book.read, judging)
    return score_verdicts(
        benchmark,
        judged,
        rule=judging.name,
        threshold=judging.threshold,
        origin=origin,
        notes=notes,
    )


def _said(record: BoxRecord, of: Callable[[BoxRecord], Said]) -> Said:
    """What is said of a record; an error names its image."""
    try:
        return of(record)
    except UserError as error:
        prompt_id, index = record.key
        raise UserError(f"detections of image {prompt_id}/{index}: {error}") from error


def score_verdicts(
    benchmark: Benchmark,
    verdicts: Iterable[tuple[Prompt, int, Verdict]],
    *,
    rule: str,
    threshold: float,
    origin: Origin | None = None,
    notes: Sequence[str] = (),
) -> Scored:
    """Summarise verdicts that belong to no run, such as those of an official results file.

    Expected are the prompts that appear, each with as many images as the prompt with the most,
    unless ``origin`` says otherwise.

    Raises:
        UserError: no verdict, the same image twice, or an index that is none.
    """
    origin = origin or Origin()
    found: dict[tuple[str, int], Verdict] = {}
    seen: dict[str, Prompt] = {}
    for prompt, index, verdict in verdicts:
        if (prompt.id, index) in found:
            raise UserError(
                f"the image {prompt.id}/{index} appears twice: give every image one record."
            )
        if not 0 <= index < _MOST_IMAGES:
            raise UserError(f"{prompt.id}/{index} is not an image: give it an index from 0 on.")
        if origin.images_per_prompt is not None and index >= origin.images_per_prompt:
            raise UserError(
                f"{prompt.id}/{index} is one image too many: {origin.images_per_prompt} of each "
                "prompt are expected, numbered from 0 on."
            )
        found[prompt.id, index] = verdict
        seen[prompt.id] = prompt
    if not found:
        raise UserError("the file holds no image to score: expected one record per image.")
    subset = origin.subset or benchmark.default_subset
    everyone = origin.complete and _all_or_own(benchmark, subset, seen)
    expected = run_order(benchmark.prompts(subset) if everyone else seen.values())
    position = {prompt.id: row for row, prompt in enumerate(expected)}
    rows = sorted(
        (position[prompt_id], index) for prompt_id, index in found if prompt_id in position
    )
    table, reasons = build_table(
        expected, ((row, index, found[expected[row].id, index]) for row, index in rows)
    )
    images_per_prompt = origin.images_per_prompt or _most(table)
    signature = Signature(
        benchmark=f"{benchmark.name}/{benchmark.version}",
        rule=rule,
        detector=origin.detector,
        threshold=threshold,
        prompts=len(expected),
        images_per_prompt=images_per_prompt,
        software=software(),
        subset=None if subset == benchmark.default_subset else subset,
        found=len(rows) if len(rows) < len(expected) * images_per_prompt else None,
    )
    heading = Heading(origin.method, origin.backbone, subset, signature)
    return Scored(table, reasons, summarise(benchmark, table, heading, notes))


def _all_or_own(benchmark: Benchmark, subset: str, seen: Mapping[str, Prompt]) -> bool:
    """Whether the prompts of a file are the benchmark's; False where each brings its own.

    Raises:
        UserError: some are and some are not, so that nobody could say what is expected.
    """
    left = dict(seen)
    # Other subsets are read only where they have to be.
    for name in sorted(benchmark.subsets, key=lambda name: name != subset):
        if left:
            for prompt in benchmark.prompts(name):
                left.pop(prompt.id, None)
    own = list(left.values())
    if own and len(own) < len(seen):
        raise UserError(
            f"{len(own):,} of {len(seen):,} prompts of the file do not belong to {benchmark.name}, "
            f"such as {own[0].id!r} ({own[0].text!r}): correct them, or score them in a file of "
            f"their own with --bench {benchmark.name} and without a subset."
        )
    return not own


def _most(table: ScoreTable) -> int:
    import numpy as np

    return int(np.bincount(table.prompt_row).max())


def _record(path: Path, number: int, line: bytes) -> BoxRecord:
    try:
        record = parse_json(line)
        if not isinstance(record, dict):
            raise TypeError("it is not an object")
        return BoxRecord.from_json(record)
    except (ValueError, KeyError, TypeError) as error:
        missing = isinstance(error, KeyError)
        problem = f"it has no {error}" if missing else str(error)
    raise UserError(
        f"{path}, line {number}, is not a detections record ({problem}): expected "
        '{"prompt_id": "1103", "index": 0, "width": 512, "height": 512, "boxes": '
        '[[x0, y0, x1, y1]], "scores": [0.9], "labels": ["dog"]}.'
    )
