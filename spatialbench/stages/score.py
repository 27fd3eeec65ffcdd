"""The third stage: judge every image and write the table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spatialbench.plugins import BenchmarkPlugin, Rule, ScoreTable
from spatialbench.runs.opening import Run

from .progress import Progress

Summary = dict[str, Any]
"""The flat document of ``summary.json``; NaN is None."""


@dataclass(frozen=True)
class Scored:
    """Verdicts and their summary. ``reasons[i]`` belongs to row i of ``table``."""

    table: ScoreTable
    reasons: list[str]
    summary: Summary

    def verdicts(self) -> Iterator[dict[str, Any]]:
        """One JSON-ready dict an image: prompt_id, index, correct, score, reason, facts..."""
        raise NotImplementedError


def score(
    run: Run,
    progress: Progress,
    rule: Rule | None = None,
    threshold: float | None = None,
    detector: str | None = None,
) -> Summary:
    """Judge the stored detections of a run; write ``scores.parquet`` and ``summary.json``.

    Does nothing when they were made from the same detections, rule and threshold.

    Args:
        rule: None for the benchmark's first.
        threshold: None for the rule's own.
        detector: signature of the detector whose boxes are judged; None where there is only one.

    Raises:
        UserError: no detections, several detectors and none named, damaged detections.
    """
    raise NotImplementedError


def score_records(
    benchmark: BenchmarkPlugin,
    records: Iterable[Mapping[str, Any]],
    *,
    subset: str | None = None,
    rule: Rule | None = None,
    threshold: float | None = None,
    source: str = "unknown",
) -> Scored:
    """Judge detections that belong to no run (our JSONL records, from any source).

    Expected are the prompts that appear, each with as many images as the prompt with the most.

    Args:
        subset: where prompt ids are looked up; None for the benchmark's default, then the others.
        source: what stands for the detector in the signature.

    Raises:
        UserError: no record, an unknown prompt id, the same image twice, a malformed record.
    """
    raise NotImplementedError


def read_verdicts(run: Run) -> Iterator[dict[str, Any]]:
    """The verdicts of ``scores.parquet``, as ``Scored.verdicts``."""
    raise NotImplementedError
