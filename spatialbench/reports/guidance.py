"""What guidance did to its loss, layer by layer: the mean course, and how much of it is gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np

from ..errors import UserError
from ..files.shown_text import counted
from ..plugins import Benchmark
from ..prompts import Prompt
from ..statistics.bootstrap import intervals
from ..statistics.ratios import FloatArray, MeanOfRatios, Ratio
from .report import Report
from .tables import UNDEFINED, Table

_NOTE = (
    "loss: mean over images in their first and last guided step; reduction: how much of the first "
    "is gone, in percent (over 100 where it fell below 0), ± or +/−: 95 % interval (bootstrap over "
    "the benchmark's clusters of prompts); relative: reduction over the largest of the table"
)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a run.

    Attributes:
        name: as the method calls it, such as ``1.2``.
        first: mean loss of the images in their first guided step; NaN where none has one.
        last: in their last.
        reduction: percent of the first that is gone.
        low: lower end of its 95 % interval, NaN where there is none.
        high: upper end.
        course: mean loss by step, NaN in a step in which no image was guided.
    """

    name: str
    first: float
    last: float
    reduction: float
    low: float
    high: float
    course: Sequence[float]


@dataclass(frozen=True, slots=True)
class Courses:
    """A run's layers, the steps of their courses, and the images they rest on."""

    layers: Sequence[Layer]
    steps: Sequence[int]
    images: int


def courses(records: Iterable[tuple[Prompt, Mapping[str, Any]]], benchmark: Benchmark) -> Courses:
    """The mean courses of a run.

    Args:
        records: prompt and recorded course of each image; see ``guidance.course``.

    Raises:
        UserError: no image was guided, or two were guided by other layers.
    """
    kept = [(prompt, one) for prompt, one in records if one["steps"]]
    if not kept:
        raise UserError("no image of this run was guided in any step, so that there is no loss.")
    names = kept[0][1]["layers"]
    if any(one["layers"] != names for _, one in kept):
        raise UserError(
            "the images of this run were guided by different layers: delete recorded.jsonl, and "
            "make the images again with --record guidance."
        )
    steps = sorted({step for _, one in kept for step in one["steps"]})
    place = {step: column for column, step in enumerate(steps)}
    table = np.full((len(kept), len(steps), len(names)), nan)
    for row, (_, one) in enumerate(kept):
        columns = [place[step] for step in one["steps"]]
        table[row, columns] = np.array(one["losses"], dtype=np.float64)
    ends = np.array([[one["losses"][0], one["losses"][-1]] for _, one in kept], dtype=np.float64)
    found = []
    prompts = list(dict.fromkeys(prompt.id for prompt, _ in kept))
    by_id = {prompt.id: prompt for prompt, _ in kept}
    clusters = benchmark.clusters([by_id[one] for one in prompts])
    rows = np.array([prompts.index(prompt.id) for prompt, _ in kept])
    for layer, name in enumerate(names):
        first, last = ends[:, 0, layer], ends[:, 1, layer]
        ratio = _reduction(first, last, rows, len(prompts))
        low, high = intervals({name: ratio}, clusters)[name]
        found.append(
            Layer(
                name,
                _mean(first),
                _mean(last),
                ratio.value(),
                low,
                high,
                [_mean(table[:, column, layer]) for column in range(len(steps))],
            )
        )
    return Courses(found, steps, len(kept))


def guidance_report(name: str, found: Courses, expected: int) -> Report:
    """The layers of a run as a table.

    Args:
        name: of the run.
        expected: how many images the run has.
    """
    top = max((one.reduction for one in found.layers if not isnan(one.reduction)), default=nan)
    rows = [
        [
            one.name,
            f"{one.first:.4g}",
            f"{one.last:.4g}",
            _cell(one),
            UNDEFINED if isnan(one.reduction) or top <= 0 else f"{one.reduction / top:.3f}",
        ]
        for one in found.layers
    ]
    notes = [_NOTE]
    if found.images < expected:
        notes.append(
            f"{found.images:,} of {expected:,} images have a record: the others were made without "
            "--record guidance, or in no guided step"
        )
    steps = counted(len(found.steps), "guided step")
    title = f"{name}: loss by layer, {counted(found.images, 'image')}, {steps}"
    columns = ["layer", "first loss", "last loss", "reduction", "relative"]
    document = {
        "images": found.images,
        "steps": list(found.steps),
        "layers": [
            {
                "layer": one.name,
                "first_loss": one.first,
                "last_loss": one.last,
                "reduction": one.reduction,
                "reduction_low": one.low,
                "reduction_high": one.high,
                "loss_by_step": list(one.course),
            }
            for one in found.layers
        ],
    }
    records = (
        ["layer", "step", "loss"],
        [
            [one.name, step, loss]
            for one in found.layers
            for step, loss in zip(found.steps, one.course, strict=True)
        ],
    )
    return Report([Table(columns, rows, title, notes)], document, records)


def _reduction(first: FloatArray, last: FloatArray, rows: Any, prompts: int) -> MeanOfRatios:
    """Per cent of the first loss that is gone; images without both ends do not take part."""
    there = ~(np.isnan(first) | np.isnan(last))
    gone, begun = np.zeros(prompts), np.zeros(prompts)
    np.add.at(gone, rows[there], (first - last)[there])
    np.add.at(begun, rows[there], first[there])
    return MeanOfRatios([Ratio(gone, begun)])


def _mean(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else nan


def _cell(one: Layer) -> str:
    if isnan(one.reduction):
        return UNDEFINED
    if isnan(one.low):
        return f"{one.reduction:.1f}"
    return f"{one.reduction:.1f} +{one.high - one.reduction:.1f} −{one.reduction - one.low:.1f}"
