"""T2I-CompBench's scores from the verdicts of a run: the plain mean over images, by category."""

from __future__ import annotations

from math import nan

import numpy as np
import numpy.typing as npt

from spatialbench.plugins import ScoreTable
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio

from . import judging
from .prompts import category_of

KEYS = {"2d": "T2I_2D", "3d": "T2I_3D", "numeracy": "T2I_numeracy", "complex": "T2I_complex"}
"""Metric key of each category under the official rule."""

_SUFFIX = {judging.OFFICIAL: "", judging.CORRECTED: "_corrected", judging.INFSPLIGN: "_infsplign"}

FOUND = "OA"
HEADLINE = (
    *("T2I_2D", "T2I_2D_corrected", "T2I_2D_infsplign"),
    *("T2I_3D", "T2I_3D_corrected"),
    *("T2I_numeracy", "T2I_numeracy_corrected"),
    *("T2I_complex", "T2I_complex_corrected", "T2I_complex_infsplign"),
    FOUND,
)
"""The columns of tables, in percent: numbers of different rules never share one. A table has only
those of its categories and rule."""


def metrics(table: ScoreTable) -> dict[str, float]:
    """100 times the mean answer of each category; ``OA``, images with every asked object.

    The official scorer's mean is over images too, whatever their prompts, and from 0 to 1.
    ``OA`` is left out where it is not known, as in official result files.
    """
    scores = np.asarray(table.columns["score"], dtype=np.float64)
    rows, suffix = _categories(table)[table.prompt_row], _suffix(table)
    found = {
        key + suffix: 100 * (sum(scores[rows == category].tolist()) / int((rows == category).sum()))
        for category, key in KEYS.items()
        if (rows == category).any()
    }
    if "found_all" in table.columns:
        complete = np.asarray(table.columns["found_all"], dtype=np.float64)
        found[FOUND] = 100 * float(complete.mean()) if len(complete) else nan
    return found


def ratios(table: ScoreTable) -> dict[str, MeanOfRatios]:
    """The same metrics as sums over prompts, for the bootstrap."""
    size = len(table.prompts)
    categories = _categories(table)
    seen = np.bincount(table.prompt_row, minlength=size).astype(np.float64)
    scores, suffix = _sums(table, "score", size), _suffix(table)
    found = {
        key + suffix: MeanOfRatios((_of(categories == category, scores, seen),))
        for category, key in KEYS.items()
        if (categories == category).any()
    }
    if "found_all" in table.columns:
        found[FOUND] = MeanOfRatios((Ratio(_sums(table, "found_all", size), seen),))
    return found


def pairs(table: ScoreTable, clusters: list[str]) -> dict[str, dict[str, float]]:
    """The mean answer in percent and the images of each cluster of prompts, best first.

    Args:
        clusters: the name of each prompt's cluster, such as its pair of objects.
    """
    names, of_prompt = np.unique(np.array(clusters, dtype=object), return_inverse=True)
    of_row = of_prompt[table.prompt_row]
    scores = np.asarray(table.columns["score"], dtype=np.float64)
    seen = np.bincount(of_row, minlength=len(names))
    means = 100 * np.bincount(of_row, scores, len(names)) / seen
    order = np.lexsort((np.arange(len(names)), -means))
    return {
        str(names[i]): {"score": float(means[i]), "images": int(seen[i])} for i in order.tolist()
    }


def _categories(table: ScoreTable) -> npt.NDArray[np.object_]:
    return np.array([category_of(prompt) for prompt in table.prompts], dtype=object)


def _suffix(table: ScoreTable) -> str:
    """What the rule adds to the keys; result files hold the official rule's verdicts."""
    variants = table.columns.get("variant")
    return "" if variants is None or not len(variants) else _SUFFIX[int(variants[0])]


def _sums(table: ScoreTable, column: str, size: int) -> FloatArray:
    values = np.asarray(table.columns[column], dtype=np.float64)
    return np.bincount(table.prompt_row, values, size).astype(np.float64, copy=False)


def _of(chosen: npt.NDArray[np.bool_], scores: FloatArray, seen: FloatArray) -> Ratio:
    return Ratio(np.where(chosen, scores, 0.0), np.where(chosen, seen, 0.0))
