"""GenEval's scores from the verdicts of a run: the share of right images by task, and overall.

Source: ``evaluation/summary_scores.py`` of djghosh13/geneval @ af4902f.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan

import numpy as np
import numpy.typing as npt

from spatialbench.plugins import ScoreTable
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio

from .recipe import TAGS

OVERALL = "overall"
HEADLINE = (OVERALL, *TAGS)
"""The columns of GenEval tables, all in percent; a table without a task has no column for it."""


def metrics(table: ScoreTable) -> dict[str, float]:
    """Percent of right images by task, ``overall``, and over all images and prompts.

    ``overall`` is the plain mean of the six tasks; it is there for several tasks and NaN unless
    all six are, where the official script would quietly average fewer. ``images_correct`` and
    ``prompts_correct`` (any image right) are percentages too.
    """
    right, seen, tasks = _sums(table)
    by_task = {
        tag: 100 * float(right[tasks == tag].sum()) / float(seen[tasks == tag].sum())
        for tag in TAGS
        if (tasks == tag).any()
    }
    found: dict[str, float] = {}
    if len(by_task) > 1:
        complete = len(by_task) == len(TAGS)
        found[OVERALL] = float(np.mean(list(by_task.values()))) if complete else nan
    images = float(seen.sum())
    return {
        **found,
        **by_task,
        "images_correct": 100 * float(right.sum()) / images if images else nan,
        "prompts_correct": 100 * float((right > 0).mean()) if len(right) else nan,
    }


def undefined(table: ScoreTable) -> dict[str, str]:
    """Why a metric of this table is undefined, by key."""
    present = {prompt.task for prompt in table.prompts}
    missing = ", ".join(tag for tag in TAGS if tag not in present)
    return (
        {OVERALL: f"the mean of all tasks, and there is no image of {missing}"} if missing else {}
    )


def ratios(table: ScoreTable) -> dict[str, MeanOfRatios]:
    """The same metrics as sums over prompts, for the bootstrap."""
    right, seen, tasks = _sums(table)
    parts = {
        tag: Ratio(np.where(tasks == tag, right, 0.0), np.where(tasks == tag, seen, 0.0))
        for tag in TAGS
        if (tasks == tag).any()
    }
    found: dict[str, MeanOfRatios] = {tag: MeanOfRatios((part,)) for tag, part in parts.items()}
    if len(parts) == len(TAGS):
        found = {OVERALL: MeanOfRatios(tuple(parts.values()))} | found
    found["images_correct"] = MeanOfRatios((Ratio(right, seen),))
    any_right = (right > 0).astype(np.float64)
    found["prompts_correct"] = MeanOfRatios((Ratio(any_right, np.ones_like(right)),))
    return found


def _sums(table: ScoreTable) -> tuple[FloatArray, FloatArray, npt.NDArray[np.object_]]:
    """Right images and images of each prompt, and the prompts' tasks."""
    size = len(table.prompts)
    correct = np.asarray(table.columns["correct"], dtype=np.float64)
    right = np.bincount(table.prompt_row, correct, size).astype(np.float64, copy=False)
    seen = np.bincount(table.prompt_row, minlength=size).astype(np.float64)
    return right, seen, np.array([prompt.task for prompt in table.prompts], dtype=object)


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
