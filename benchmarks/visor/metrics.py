"""VISOR's metrics from the verdicts of a run: objects found, relation right, n of 4 right.

Source: ``visor.py`` of microsoft/VISOR @ b9e368b. Prompts without a relation are left out, and so
is a prompt without any image. A prompt with fewer than n images counts against VISOR_n, as
there; see ``undefined`` for where that means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np

from spatialbench.plugins import ScoreTable
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio

from .prompts import RELATIONAL

HEADLINE = ("OA", "VISOR_uncond", "VISOR_cond", "VISOR_1", "VISOR_2", "VISOR_3", "VISOR_4")
"""The columns of VISOR tables, all in percent."""
_LEVELS = range(1, 5)


@dataclass(frozen=True, slots=True)
class PromptSums:
    """Sums over the images of each prompt; float64 of shape (prompts,), 0 where left out.

    Attributes:
        images: images.
        a: images with the first object.
        b: images with the second object.
        both: images with both.
        hits: sum of scores of the images with both (whole numbers, except in foreign records).
    """

    images: FloatArray
    a: FloatArray
    b: FloatArray
    both: FloatArray
    hits: FloatArray

    @classmethod
    def of(cls, table: ScoreTable) -> PromptSums:
        """Sum the columns ``found_a``, ``found_b`` and ``score`` of a table by prompt."""
        size = len(table.prompts)
        scored = np.array([p.task in RELATIONAL for p in table.prompts], dtype=bool)
        rows = scored[table.prompt_row]
        prompt = table.prompt_row[rows]
        a = np.asarray(table.columns["found_a"], dtype=np.float64)[rows]
        b = np.asarray(table.columns["found_b"], dtype=np.float64)[rows]
        score = np.asarray(table.columns["score"], dtype=np.float64)[rows]
        both = a * b

        def total(weights: FloatArray) -> FloatArray:
            return np.bincount(prompt, weights, size).astype(np.float64, copy=False)

        return cls(total(np.ones_like(a)), total(a), total(b), total(both), total(both * score))


def metrics(table: ScoreTable) -> dict[str, float]:
    """All nine metrics in percent, headline first.

    ``VISOR_uncond`` is 0.01 · VISOR_cond · OA as in the official script. Where that script stops
    with a division by zero: without any image everything is NaN; with images but none that
    shows both objects only VISOR_cond is undefined and NaN, and the share of right images,
    VISOR_uncond, is a true 0.
    """
    sums = PromptSums.of(table)
    images, both = float(sums.images.sum()), float(sums.both.sum())
    hits = float(sums.hits.sum())
    prompts = int((sums.images > 0).sum())
    oa = _percent(both, images)
    cond = _percent(hits, both)
    uncond = 0.01 * (cond * oa) if both else oa
    at_least = {f"VISOR_{n}": _percent(float((sums.hits >= n).sum()), prompts) for n in _LEVELS}
    return {
        "OA": oa,
        "VISOR_uncond": uncond,
        "VISOR_cond": cond,
        **at_least,
        "OA_A": _percent(float(sums.a.sum()), images),
        "OA_B": _percent(float(sums.b.sum()), images),
    }


def ratios(table: ScoreTable) -> dict[str, MeanOfRatios]:
    """The same metrics as sums over prompts, for the bootstrap.

    VISOR_uncond is hits over images here: the same number up to the last bits.
    """
    sums = PromptSums.of(table)
    seen = (sums.images > 0).astype(np.float64)
    pairs: Mapping[str, tuple[FloatArray, FloatArray]] = {
        "OA": (sums.both, sums.images),
        "VISOR_uncond": (sums.hits, sums.images),
        "VISOR_cond": (sums.hits, sums.both),
        **{f"VISOR_{n}": ((sums.hits >= n).astype(np.float64), seen) for n in _LEVELS},
        "OA_A": (sums.a, sums.images),
        "OA_B": (sums.b, sums.images),
    }
    return {
        key: MeanOfRatios((Ratio(numerator, denominator),))
        for key, (numerator, denominator) in pairs.items()
    }


def undefined(table: ScoreTable) -> dict[str, str]:
    """Why a metric of this table is undefined, by key.

    VISOR_n is where no prompt has n images: the official script prints a 0, whatever they show.
    """
    sums = PromptSums.of(table)
    deepest = int(sums.images.max(initial=0))
    if not deepest:
        return dict.fromkeys(metrics(table), "no image of a prompt with a relation")
    levels = {
        f"VISOR_{n}": f"it needs {n} images per prompt, and no prompt has more than {deepest}"
        for n in _LEVELS
        if n > deepest
    }
    return levels if sums.both.any() else {"VISOR_cond": "no image shows both objects", **levels}


def _percent(numerator: float, denominator: float) -> float:
    return 100 * numerator / denominator if denominator else nan
