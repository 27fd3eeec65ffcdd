"""Scoring what belongs to no run: detections or verdicts that came from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..documents import limited_lines, parse_json
from ..errors import UserError
from ..plugins import BenchmarkPlugin, Rule, ScoreTable, Verdict
from ..prompts import Prompt
from ..runs.machine import software
from ..runs.selection import run_order
from ..runs.signature import Signature
from ..subsets import default_rule
from .prompt_book import PromptBook
from .score import checked_threshold
from .scores_file import table_rows
from .summary import Heading, Summary, summarise
from .verdicts import build_table, judge_of

_NOBODY = "external"

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


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a detections JSON Lines file from elsewhere; empty lines are skipped.

    Raises:
        UserError: no such file, or a line that is no detections record (its number is given).
    """
    try:
        with path.open("rb") as file:
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
            f"{path}, line {number + 1}, cannot be read ({error}): give one record a line."
        ) from error


def score_records(
    benchmark: BenchmarkPlugin,
    records: Iterable[Mapping[str, Any]],
    *,
    rule: Rule | None = None,
    threshold: float | None = None,
    origin: Origin | None = None,
) -> Scored:
    """Judge detections that belong to no run.

    Args:
        records: ``prompt_id``, ``index``, ``width``, ``height``, ``boxes``, ``scores``,
            ``labels``: corners in pixels of the original image, y down. A record may bring a
            prompt of its own where the benchmark can read one (its optional
            ``prompt_of_record(record, subset)``, None for a record without); then only the
            prompts that appear are expected.
        rule: None for the subset's own.
        threshold: None for the rule's own.

    Raises:
        UserError: no record, an unknown prompt id, two prompts under one id, the same image
            twice, a malformed record.
    """
    origin = origin or Origin()
    rule = rule or default_rule(benchmark, origin.subset)
    limit = checked_threshold(rule, threshold)
    judge = judge_of(rule)
    book = PromptBook(benchmark, origin.subset)
    judged: list[tuple[Prompt, int, Verdict]] = []
    for record in records:
        try:
            prompt = book.prompt(record)
            judged.append((prompt, record["index"], judge(prompt, record, limit)))
        except UserError as error:
            image = f"{record['prompt_id']}/{record['index']}"
            raise UserError(f"detections of image {image}: {error}") from error
    if book.foreign:
        origin = replace(origin, complete=False)
    return score_verdicts(benchmark, judged, rule=rule.name, threshold=limit, origin=origin)


def score_verdicts(
    benchmark: BenchmarkPlugin,
    verdicts: Iterable[tuple[Prompt, int, Verdict]],
    *,
    rule: str,
    threshold: float,
    origin: Origin | None = None,
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
            raise UserError(f"{prompt.id}/{index} is no image: give it an index from 0 on.")
        found[prompt.id, index] = verdict
        seen[prompt.id] = prompt
    if not found:
        raise UserError("the file holds no image to score: expected one record an image.")
    subset = origin.subset or benchmark.default_subset
    expected = run_order(benchmark.prompts(subset) if origin.complete else seen.values())
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
    return Scored(table, reasons, summarise(benchmark, table, heading))


def _most(table: ScoreTable) -> int:
    import numpy as np

    return int(np.bincount(table.prompt_row).max())


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = parse_json(line)
        if type(record["prompt_id"]) is str and type(record["index"]) is int:
            return dict(record)
        problem = "prompt_id must be text and index a whole number"
    except (ValueError, KeyError, TypeError) as error:
        problem = f"{type(error).__name__}: {error}"
    raise UserError(
        f"{path}, line {number}, is no detections record ({problem}): expected "
        '{"prompt_id": "1103", "index": 0, "width": 512, "height": 512, "boxes": '
        '[[x0, y0, x1, y1]], "scores": [0.9], "labels": ["dog"]}.'
    )
