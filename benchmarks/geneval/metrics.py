"""GenEval's scores from the verdicts of a run: the share of right images by task, and overall.

Source: ``evaluation/summary_scores.py`` of djghosh13/geneval @ af4902f.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan

import numpy as np

from spatialbench.plugins import Metric, ScoreTable
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio

from .recipe import TAGS

OVERALL = "overall"


def _right(table: ScoreTable) -> tuple[FloatArray, FloatArray]:
    """Right images and images of each prompt."""
    return table.sums("correct"), table.sums()


def _by_task(table: ScoreTable) -> dict[str, Ratio]:
    """Right images over images of each task that the table has, in the order of ``TAGS``."""
    right, seen = _right(table)
    tasks = np.array([prompt.task for prompt in table.prompts], dtype=object)
    return {
        tag: Ratio(np.where(tasks == tag, right, 0.0), np.where(tasks == tag, seen, 0.0))
        for tag in TAGS
        if (tasks == tag).any()
    }


def _task(tag: str) -> Metric:
    def ratio(table: ScoreTable) -> MeanOfRatios | None:
        part = table.once(_by_task).get(tag)
        return None if part is None else MeanOfRatios((part,))

    return Metric(tag, f"right images of the task {tag}", ratio)


def _overall(table: ScoreTable) -> MeanOfRatios | None:
    parts = table.once(_by_task)
    return MeanOfRatios(tuple(parts.values())) if len(parts) == len(TAGS) else None


def _missing(table: ScoreTable) -> str | None:
    """Of some tasks there is no mean, where the official script would quietly average fewer."""
    present = table.once(_by_task)
    if not 1 < len(present) < len(TAGS):
        return None
    missing = ", ".join(tag for tag in TAGS if tag not in present)
    return f"the mean of all tasks, and there is no image of {missing}"


def _any_right(table: ScoreTable) -> MeanOfRatios:
    any_right = (table.sums("correct") > 0).astype(np.float64)
    return MeanOfRatios((Ratio(any_right, np.ones_like(any_right)),))


def _prompts_correct(table: ScoreTable) -> float:
    right = table.sums("correct")
    return 100 * float((right > 0).mean()) if len(right) else nan


METRICS = (
    Metric(OVERALL, "the plain mean of the six tasks", _overall, undefined=_missing),
    *map(_task, TAGS),
    Metric(
        "images_correct",
        "right images of all tasks",
        lambda table: MeanOfRatios((Ratio(*_right(table)),)),
        headline=False,
    ),
    Metric(
        "prompts_correct",
        "prompts with any right image",
        _any_right,
        headline=False,
        exact=_prompts_correct,
    ),
)
"""All in percent; a table without a task has no column for it."""


def violations(numbers: Mapping[str, float], rounding: float) -> list[str]:
    """A sentence where ``overall`` is not the mean of the six tasks; missing cells say nothing.

    Args:
        numbers: in percent.
        rounding: the most by which a cell may be off. A row of whole numbers is taken as shares
            with two digits, each off by 0.5 at most.
    """
    cells = [numbers.get(key) for key in (OVERALL, *TAGS)]
    known = [cell for cell in cells if cell is not None and not isnan(cell)]
    if len(known) < len(cells):
        return []
    slack = 1.0 if all(float(cell).is_integer() for cell in known) else 2 * rounding
    mean = sum(known[1:]) / len(TAGS)
    if abs(mean - known[0]) <= slack + 1e-9:
        return []
    return [f"the mean of the six tasks is {mean:.2f}, not {known[0]:g}"]
