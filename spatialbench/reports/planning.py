"""How many prompts a question needs: from assumptions, or from what a finished run has shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from math import ceil, hypot, isnan, nan

from ..files.shown_text import counted
from ..plugins.metric import ratios as ratios_of
from ..statistics.design_effect import design_effect
from ..statistics.power import (
    half_width,
    paired_error,
    smallest_difference,
    standard_error,
)
from .cells import plain_cell
from .compare.comparison import ALL, Comparison
from .designs import Assumptions, Designs
from .report import Report
from .scored import ScoredRun
from .tables import UNDEFINED, Table

SIZES = (25, 100, 400, 1600, 6400)
_Z = 1.959964


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
        unpaired: smallest difference to a run on other prompts or seeds that is found; with a
            second run, from the scatter of both, else as if the other scattered like this one.
        paired: the same to a run on the same prompts, where a second run says how alike they are.
        prompts: prompts needed for the difference asked for, paired where that is known.
        other: what the second run shows; NaN without one.
        other_half_width: half of its interval.
    """

    metric: str
    value: float
    half_width: float
    effect: float
    unpaired: float
    paired: float
    prompts: int | None
    other: float = nan
    other_half_width: float = nan


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


def lessons(
    scored: ScoredRun, comparison: Comparison | None, difference: float, power: float = 0.8
) -> list[Lesson]:
    """What a run, and its comparison with another, say about the next, by headline metric."""
    ratios = ratios_of(scored.metrics, scored.table)
    clusters = scored.benchmark.clusters(scored.table.prompts)
    found = []
    for key in scored.headline:
        half = _half_width(scored, key)
        if isnan(half) or key not in ratios:
            continue
        parts = ratios[key].parts
        effect = design_effect(parts[0], clusters).value if len(parts) == 1 else nan
        prompts, paired, other, other_half = scored.result.prompts, nan, nan, nan
        if comparison is not None and key in comparison.groups[ALL]:
            prompts = len(comparison.pairing.first.prompts)
            paired = comparison.groups[ALL][key].difference.standard_error
            other = comparison.other.result.metric(key)
            other_half = _half_width(comparison.other, key)
        second = half if isnan(other_half) else other_half
        unpaired = hypot(half, second) / _Z
        best = unpaired if isnan(paired) else paired
        ratio = smallest_difference(best, power) / difference
        found.append(
            Lesson(
                key,
                scored.result.metric(key),
                half,
                effect,
                smallest_difference(unpaired, power),
                nan if isnan(paired) else smallest_difference(paired, power),
                ceil(prompts * ratio**2) if best > 0 else None,
                other,
                other_half,
            )
        )
    return found


def _half_width(scored: ScoredRun, key: str) -> float:
    """Half of a metric's 95 % interval; NaN where it has none."""
    low, high = scored.result.interval(key)
    return nan if low is None or high is None else (high - low) / 2


def plan_report(
    assumed: Assumptions,
    plans: Sequence[Plan],
    wanted: tuple[float, int] | None,
    designs: Sequence[Designs] = (),
) -> Report:
    """Plans; ``wanted`` is a difference and the prompts it needs."""
    document: dict[str, object] = {
        "assumed": asdict(assumed),
        "plans": [asdict(one) for one in plans],
    }
    notes = [
        f"in percentage points, for a share near {100 * assumed.rate:g} %, "
        f"{counted(assumed.images, 'image')} per prompt that correlate by {assumed.correlation:g}",
        f"smallest: the true difference of two runs that is found with {100 * assumed.power:g} % "
        f"chance at {100 * assumed.confidence:g} % confidence; paired: same prompts and seeds, "
        f"results that correlate by {assumed.between:g} between the runs",
    ]
    if wanted:
        document |= {"difference": wanted[0], "prompts_needed": wanted[1]}
        needs = counted(wanted[1], "prompt")
        notes.insert(0, f"a difference of {wanted[0]:g} points needs {needs}, paired")
    rows = [
        [f"{p.prompts:,}", f"{p.images:,}", *map(plain_cell, (p.half_width, p.paired, p.unpaired))]
        for p in plans
    ]
    columns = ["prompts", "images", "±", "smallest, paired", "smallest, unpaired"]
    return Report(
        [Table(columns, rows, "what a run can show", notes), *(one.table() for one in designs)],
        document | ({"designs": [one.document() for one in designs]} if designs else {}),
        (
            ["prompts", "images", "half_width", "paired", "unpaired"],
            [list(asdict(one).values()) for one in plans],
        ),
    )


def lesson_report(
    scored: ScoredRun, comparison: Comparison | None, found: Sequence[Lesson], difference: float
) -> Report:
    """Lessons of a run, or of the two of a comparison."""
    document: dict[str, object] = {
        "run": str(scored.run.path),
        "difference": difference,
        "metrics": [asdict(lesson) for lesson in found],
    }
    notes = [
        "smallest: the true difference that is found with 80 % chance",
        "design effect: how many images of this run say as much as one independent image",
        *_left_out(scored, found),
    ]
    if comparison is None:
        shown = ["value", "±"]
        title = f"what {scored.label} says about a next run"
        result = scored.result
        seen = f"{counted(result.images, 'image')} of {counted(result.prompts, 'prompt')}"
        notes.insert(0, f"from {seen}")
        notes += ["paired needs a second run: spatialbench power RUN RUN2"]
        signatures = [scored.result.signature]
    else:
        shown = ["A", "± A", "B", "± B"]
        other, pairing = comparison.other, comparison.pairing
        document |= {"other_run": str(other.run.path), "notes": list(pairing.notes)}
        title = f"what A = {scored.label} and B = {other.label} say about a next run"
        notes += [
            *pairing.notes,
            f"from both runs, paired over {counted(len(pairing.first.index), 'image')} of "
            f"{counted(len(pairing.first.prompts), 'prompt')}; the design effect is of A",
        ]
        signatures = [f"A: {scored.result.signature}", f"B: {other.result.signature}"]
    columns = ["metric", *shown, "design effect"]
    columns += ["smallest, unpaired", "smallest, paired", f"prompts for {difference:g}"]
    rows = []
    for lesson in found:
        numbers = [lesson.value, lesson.half_width]
        numbers += [lesson.other, lesson.other_half_width] if comparison else []
        numbers += [lesson.effect, lesson.unpaired, lesson.paired]
        needed_ = UNDEFINED if lesson.prompts is None else f"{lesson.prompts:,}"
        rows.append([lesson.metric, *map(plain_cell, numbers), needed_])
    records = [
        [
            None if isinstance(value, float) and isnan(value) else value
            for value in asdict(one).values()
        ]
        for one in found
    ]
    table = Table(columns, rows, title, notes, signatures=signatures)
    return Report([table], document, ([one.name for one in fields(Lesson)], records))


def _left_out(scored: ScoredRun, found: Sequence[Lesson]) -> list[str]:
    """Why a headline metric teaches nothing."""
    reasons = scored.result.reasons
    told = {lesson.metric for lesson in found}
    parts = [
        f"{key} ({reasons[key]})" for key in scored.headline if key not in told and key in reasons
    ]
    return [f"left out: {'; '.join(parts)}"] if parts else []
