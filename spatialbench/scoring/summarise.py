"""From the verdicts of a run to its summary: metrics with intervals, over all and by task."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..files.shown_text import counted
from ..plugins import Benchmark, Metric, ScoreTable
from ..plugins.metric import ratios, values, why_undefined
from ..prompt_transforms import IDENTITY_KEY, is_given
from ..runs.imported import REWRITTEN, rewritten_note
from ..runs.sent_prompts import transform_note
from ..runs.signature import Signature
from ..runs.until import Until, half_width
from .price import price
from .rules.catalogue import family_of
from .summary import Group, Summary
from .verdicts import by_task


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
    """Metrics with 95 % intervals, over all and by task, and why where there is none.

    Args:
        looked: sentences about the detections that stand under the table, too.
        one_colour: how many images show nothing but one colour.
    """
    signature = heading.signature
    family = family_of(signature.rule)
    metrics = benchmark.metrics if family is None else family.metrics
    images = len(table.prompt_row)
    images_expected = signature.prompts * signature.images_per_prompt
    numbers = _numbers(benchmark, metrics, table)
    return Summary(
        benchmark=benchmark.name,
        subset=heading.subset,
        method=heading.method,
        backbone=heading.backbone,
        rule=signature.rule,
        detector=signature.detector,
        threshold=signature.threshold,
        signature=str(signature),
        **numbers,
        images_expected=images_expected,
        prompts_expected=signature.prompts,
        partial=images < images_expected,
        one_colour=one_colour,
        design_effects=_design_effects(benchmark, metrics, table),
        groups={
            task: Group(**_numbers(benchmark, metrics, part))
            for task, part in by_task(table).items()
        },
        notes=(
            *_until(signature, numbers["intervals"]),
            *_notes(benchmark, table, signature, looked),
        ),
        breakdowns=dict(benchmark.breakdowns(table)) if family is None else {},
    )


def _until(signature: Signature, intervals: Mapping[str, Any]) -> list[str]:
    """Whether the run stopped by its own interval, and what that is."""
    if signature.until is None:
        return []
    until = Until.parse(signature.until)
    half = half_width(*intervals.get(until.metric, (None, None)))
    prompts = counted(signature.prompts, "prompt")
    seen = f"{until.metric} ±{half:.2f} with {prompts}, asked for {until.shown}"
    if until.reached(half):
        return [f"stopped by its own interval: {seen}"]
    return [f"not as narrow as asked: {seen}; the same command goes on while there are prompts"]


def _notes(
    benchmark: Benchmark, table: ScoreTable, signature: Signature, looked: Sequence[str]
) -> list[str]:
    """What a prompt transform did, what was seen of the images, and the benchmark's own notes."""
    notes = transform_note(table.prompts, signature.parameters.get(IDENTITY_KEY))
    rewritten = signature.parameters.get(REWRITTEN)
    if rewritten and not is_given(signature.parameters.get(IDENTITY_KEY)):
        notes.append(rewritten_note(rewritten))
    family, prompts = family_of(signature.rule), table.prompts
    if family is not None:
        return [*notes, *looked, *family.notes(prompts, signature.rule)]
    return [*notes, *looked, *benchmark.notes(prompts, signature.rule, signature.detector)]


def _numbers(benchmark: Benchmark, metrics: Sequence[Metric], table: ScoreTable) -> dict[str, Any]:
    """The fields of a ``Group``."""
    from ..statistics.bootstrap import intervals

    found = intervals(ratios(metrics, table), benchmark.clusters(table.prompts))
    measured, paid = values(metrics, table), price(table)
    told = {**measured, **{key: value for key, value in paid.items() if key not in measured}}
    return {
        "images": len(table.prompt_row),
        "prompts": len(table.prompts),
        "metrics": {key: _number(value) for key, value in measured.items()},
        "price": {key: _number(value) for key, value in paid.items()},
        "intervals": {key: (_number(low), _number(high)) for key, (low, high) in found.items()},
        "reasons": _reasons(why_undefined(metrics, table), told, found),
    }


def _reasons(
    own: Mapping[str, str],
    metrics: Mapping[str, float],
    intervals: Mapping[str, tuple[float, float]],
) -> dict[str, str]:
    """Why a metric is undefined or has no interval, by key."""
    found = {
        key: f"undefined: {own.get(key, 'no image counts for it')}"
        for key, value in metrics.items()
        if math.isnan(value)
    }
    for key, (low, _) in intervals.items():
        if key not in found and math.isnan(low):
            found[key] = "no interval: its prompts form a single cluster, and it takes two"
    return found


def _design_effects(
    benchmark: Benchmark, metrics: Sequence[Metric], table: ScoreTable
) -> dict[str, float | None]:
    """How many images of this run say as much as one independent image, for single shares."""
    from ..statistics.design_effect import design_effect

    clusters = benchmark.clusters(table.prompts)
    return {
        key: _number(design_effect(metric.parts[0], clusters).value)
        for key, metric in ratios(metrics, table).items()
        if len(metric.parts) == 1
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
