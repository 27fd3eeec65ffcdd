"""How many prompts a question needs: from assumptions, or from what a finished run has shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil, isnan, nan

from ..statistics.design_effect import design_effect
from ..statistics.power import (
    half_width,
    paired_error,
    prompts_needed,
    smallest_difference,
    standard_error,
)
from .cells import plain_cell
from .compare.comparison import ALL, Comparison
from .scored import ScoredRun
from .tables import Format, Table, render, render_csv

SIZES = (25, 100, 400, 1600, 6400)
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan rests on.

    Attributes:
        rate: expected share of right pictures, in [0, 1].
        images: pictures a prompt.
        correlation: between the pictures of one prompt, in [0, 1].
        between: correlation of two runs' results on one prompt: what pairing gains.
        power: chance of finding the difference.
        confidence: of intervals and tests.
    """

    rate: float
    images: int
    correlation: float
    between: float
    power: float = 0.8
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Plan:
    """What a number of prompts can show, in percentage points."""

    prompts: int
    images: int
    half_width: float
    paired: float
    unpaired: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a finished run says about a next one, in the metric's own scale.

    Attributes:
        metric: its key.
        value: what the run shows.
        half_width: half of its 95 % interval.
        effect: design effect; NaN for a metric that is no single share.
        unpaired: smallest difference to a run on other prompts or seeds that is found.
        paired: the same to a run on the same prompts, where a second run says how alike they are.
        prompts: prompts needed for the difference asked for, paired where that is known.
    """

    metric: str
    value: float
    half_width: float
    effect: float
    unpaired: float
    paired: float
    prompts: int | None


def plan(assumed: Assumptions, prompts: int) -> Plan:
    """What so many prompts can show. Raises UserError for assumptions that mean nothing."""
    error = standard_error(assumed.rate, prompts, assumed.images, assumed.correlation)

    def smallest(between: float) -> float:
        difference = paired_error(error, between)
        return 100 * smallest_difference(difference, assumed.power, assumed.confidence)

    return Plan(
        prompts,
        prompts * assumed.images,
        100 * half_width(error, assumed.confidence),
        smallest(assumed.between),
        smallest(0.0),
    )


def needed(assumed: Assumptions, difference: float) -> int:
    """Prompts for a true difference in percentage points, paired."""
    return prompts_needed(
        difference / 100,
        assumed.rate,
        assumed.images,
        assumed.correlation,
        assumed.between,
        assumed.power,
        assumed.confidence,
    )


def lessons(
    scored: ScoredRun, comparison: Comparison | None, difference: float, power: float = 0.8
) -> list[Lesson]:
    """What a run, and its comparison with another, say about the next, by headline metric."""
    ratios = scored.benchmark.ratios(scored.table)
    clusters = scored.benchmark.clusters(scored.table.prompts)
    found = []
    for key in scored.benchmark.headline:
        low, high = scored.result.intervals.get(key, (None, None))
        if low is None or high is None or key not in ratios:
            continue
        error = (high - low) / (2 * _Z)
        parts = ratios[key].parts
        effect = design_effect(parts[0], clusters).value if len(parts) == 1 else nan
        paired = nan
        if comparison is not None and key in comparison.groups[ALL]:
            paired = comparison.groups[ALL][key].difference.standard_error
        unpaired = paired_error(error, 0.0)
        best = unpaired if isnan(paired) else paired
        ratio = smallest_difference(best, power) / difference
        found.append(
            Lesson(
                key,
                scored.result.metric(key),
                (high - low) / 2,
                effect,
                smallest_difference(unpaired, power),
                nan if isnan(paired) else smallest_difference(paired, power),
                ceil(scored.result.prompts * ratio**2) if best > 0 else None,
            )
        )
    return found


def plan_text(
    assumed: Assumptions, plans: Sequence[Plan], wanted: tuple[float, int] | None, form: Format
) -> str:
    """Plans in any format; ``wanted`` is a difference and the prompts it needs."""
    if form == "json":
        document: dict[str, object] = {
            "assumed": asdict(assumed),
            "plans": [asdict(one) for one in plans],
        }
        if wanted:
            document |= {"difference": wanted[0], "prompts_needed": wanted[1]}
        return json.dumps(document, indent=2)
    rows = [
        [f"{p.prompts:,}", f"{p.images:,}", *map(plain_cell, (p.half_width, p.paired, p.unpaired))]
        for p in plans
    ]
    if form == "csv":
        names = ["prompts", "images", "half_width", "paired", "unpaired"]
        return render_csv(names, [[repr(v) for v in asdict(p).values()] for p in plans])
    notes = [
        f"in percentage points, for a share near {100 * assumed.rate:g} %, {assumed.images} "
        f"pictures a prompt that correlate by {assumed.correlation:g}",
        f"smallest: the true difference of two runs that is found with {100 * assumed.power:g} % "
        f"chance at {100 * assumed.confidence:g} % confidence; paired: same prompts and seeds, "
        f"results that correlate by {assumed.between:g} between the runs",
    ]
    if wanted:
        notes.insert(0, f"a difference of {wanted[0]:g} points needs {wanted[1]:,} prompts, paired")
    columns = ["prompts", "pictures", "±", "smallest, paired", "smallest, unpaired"]
    return render(Table(columns, rows, "what a run can show", notes), form)


def lesson_text(scored: ScoredRun, found: Sequence[Lesson], difference: float, form: Format) -> str:
    """Lessons of a run in any format."""
    if form == "json":
        rows_ = [{k: _json(v) for k, v in asdict(lesson).items()} for lesson in found]
        return json.dumps(
            {"run": str(scored.run.path), "difference": difference, "metrics": rows_}, indent=2
        )
    rows = [
        [
            lesson.metric,
            plain_cell(lesson.value),
            plain_cell(lesson.half_width),
            plain_cell(lesson.effect),
            plain_cell(lesson.unpaired),
            plain_cell(lesson.paired),
            "–" if lesson.prompts is None else f"{lesson.prompts:,}",
        ]
        for lesson in found
    ]
    columns = ["metric", "value", "±", "design effect", "smallest, unpaired", "smallest, paired"]
    columns.append(f"prompts for {difference:g}")
    if form == "csv":
        return render_csv(columns, rows)
    notes = [
        f"from {scored.result.images:,} pictures of {scored.result.prompts:,} prompts; smallest: "
        "the true difference that is found with 80 % chance",
        "design effect: how many pictures of this run say as much as one independent picture",
        "paired needs a second run: spatialbench power RUN RUN2",
        scored.result.signature,
    ]
    return render(Table(columns, rows, f"what {scored.label} says about a next run", notes), form)


def _json(value: object) -> object:
    return None if isinstance(value, float) and isnan(value) else value
