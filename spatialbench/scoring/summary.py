"""The summary of a score: metrics, intervals, groups and counts in one flat document."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..plugins import Benchmark, ScoreTable
from ..prompt_transforms import IDENTITY_KEY
from ..runs.imported import REWRITTEN, rewritten_note
from ..runs.sent_prompts import transform_note
from ..runs.signature import Signature
from .defined import defined_metrics, defined_ratios, why_undefined
from .looked import ONE_COLOUR
from .measured import measured_by
from .price import price
from .verdicts import by_task

Summary = dict[str, Any]
"""The flat document of ``summary.json``; NaN is None."""

FORMAT = 6
"""Goes up when a summary gets another key, so that stored ones are written again."""


SEAL = "summary_sha256"
"""By this key a summary tells whether somebody changed it since."""


@dataclass(frozen=True)
class Heading:
    """What a summary says besides numbers. ``subset`` is a name of the benchmark's subsets."""

    method: str
    backbone: str
    subset: str
    signature: Signature


def summarise(
    benchmark: Benchmark,
    table: ScoreTable,
    heading: Heading,
    looked: Sequence[str] = (),
    one_colour: int = 0,
) -> Summary:
    """Metrics in percent with 95 % intervals, over all and by task, and why where there is none.

    After the metrics stand ``confidence`` (percent) and ``duplicates`` (an image), where the
    facts allow; see ``price``.

    ``prompts`` counts prompts with at least one judged image. ``partial`` is true where an
    expected image was not judged, and ``one_colour``, where it is not 0, how many images show
    nothing but one colour.

    Args:
        looked: sentences about the detections that stand under the table, too.
        one_colour: images of one colour.
    """
    signature = heading.signature
    benchmark = measured_by(benchmark, signature.rule, heading.subset)
    images = len(table.prompt_row)
    images_expected = signature.prompts * signature.images_per_prompt
    whole = _measured(benchmark, table)
    return {
        "benchmark": benchmark.name,
        "subset": heading.subset,
        "method": heading.method,
        "backbone": heading.backbone,
        "rule": signature.rule,
        "detector": signature.detector,
        "threshold": signature.threshold,
        "signature": str(signature),
        **whole["metrics"],
        "images": images,
        "images_expected": images_expected,
        "prompts": len(table.prompts),
        "prompts_expected": signature.prompts,
        "partial": images < images_expected,
        "intervals": whole["intervals"],
        "reasons": whole["reasons"],
        "design_effects": _design_effects(benchmark, table),
        "groups": {task: _group(benchmark, part) for task, part in by_task(table).items()},
        **({ONE_COLOUR: one_colour} if one_colour else {}),
        **_extras(benchmark, table, signature, looked),
    }


def _extras(
    benchmark: Benchmark, table: ScoreTable, signature: Signature, looked: Sequence[str]
) -> dict[str, Any]:
    """What only some benchmarks and runs say of a score.

    ``notes(prompts, rule, detector)``: sentences that stand under the table, and what a prompt
    transform did. ``breakdowns(table)``: numbers of other groups than tasks, by a name for the
    grouping.
    """
    extras: dict[str, Any] = {}
    notes = transform_note(table.prompts, signature.parameters.get(IDENTITY_KEY))
    if rewritten := signature.parameters.get(REWRITTEN):
        notes.append(rewritten_note(rewritten))
    notes += looked
    notes += benchmark.notes(table.prompts, signature.rule, signature.detector)
    if notes:
        extras["notes"] = notes
    breakdowns = benchmark.breakdowns(table)
    if breakdowns:
        extras["breakdowns"] = breakdowns
    return extras


def summary_text(summary: Summary) -> str:
    """The content of ``summary.json``."""
    return json.dumps(summary, indent=2, allow_nan=False) + "\n"


def seal(summary: Summary) -> str:
    """The hash that stands in a summary as ``SEAL``: of all the rest of its text.

    Raises:
        ValueError: a document that no summary could be.
    """
    rest = {key: value for key, value in summary.items() if key != SEAL}
    try:
        return hashlib.sha256(summary_text(rest).encode()).hexdigest()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_changed(document: Summary) -> bool:
    """Whether somebody changed a summary since it was written; those of old cannot tell.

    Raises:
        ValueError: a document that no summary could be.
    """
    now = seal(document)
    return bool(document.get(SEAL, now) != now)


def _group(benchmark: Benchmark, table: ScoreTable) -> dict[str, Any]:
    measured = _measured(benchmark, table)
    return {
        **measured["metrics"],
        "images": len(table.prompt_row),
        "prompts": len(table.prompts),
        "intervals": measured["intervals"],
        "reasons": measured["reasons"],
    }


def _measured(benchmark: Benchmark, table: ScoreTable) -> Mapping[str, dict[str, Any]]:
    from ..statistics.bootstrap import intervals

    found = intervals(defined_ratios(benchmark, table), benchmark.clusters(table.prompts))
    metrics = defined_metrics(benchmark, table)
    for key, value in price(table).items():
        metrics.setdefault(key, value)
    return {
        "metrics": {key: _number(value) for key, value in metrics.items()},
        "intervals": {key: [_number(low), _number(high)] for key, (low, high) in found.items()},
        "reasons": _reasons(benchmark, table, metrics, found),
    }


def _reasons(
    benchmark: Benchmark,
    table: ScoreTable,
    metrics: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
) -> dict[str, str]:
    """Why a metric is undefined or has no interval, by key."""
    own = why_undefined(benchmark, table)
    found = {
        key: f"undefined: {own.get(key, 'no image counts for it')}"
        for key, value in metrics.items()
        if math.isnan(value)
    }
    for key, (low, _) in intervals.items():
        if key not in found and math.isnan(low):
            found[key] = "no interval: its prompts form a single cluster, and it takes two"
    return found


def _design_effects(benchmark: Benchmark, table: ScoreTable) -> dict[str, float | None]:
    """How many images of this run say as much as one independent image, for single shares."""
    from ..statistics.design_effect import design_effect

    clusters = benchmark.clusters(table.prompts)
    return {
        key: _number(design_effect(metric.parts[0], clusters).value)
        for key, metric in defined_ratios(benchmark, table).items()
        if len(metric.parts) == 1
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
