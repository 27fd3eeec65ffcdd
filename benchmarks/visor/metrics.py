"""VISOR's metrics from the verdicts of a run: objects found, relation right, n of 4 right.

Source: ``visor.py`` of microsoft/VISOR @ b9e368b. Prompts without a relation are left out, and so
is a prompt without any image. A prompt with fewer than n images counts against VISOR_n, as
there; see ``undefined`` for where that means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spatialbench.plugins import Metric, ScoreTable
from spatialbench.statistics.ratios import FloatArray, MeanOfRatios, Ratio

from .prompts import RELATIONAL

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
        import numpy as np

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


def undefined(table: ScoreTable) -> dict[str, str]:
    """Why a metric of this table is undefined, by key.

    VISOR_n is where no prompt has n images: the official script prints a 0, whatever they show.
    Where no image shows both objects that script stops with a division by zero: only VISOR_cond is
    undefined, and the share of right images, VISOR_uncond, is a true 0.
    """
    sums = table.once(PromptSums.of)
    deepest = int(sums.images.max(initial=0))
    if not deepest:
        return dict.fromkeys(
            (metric.key for metric in METRICS), "no image of a prompt with a relation"
        )
    levels = {
        f"VISOR_{n}": f"it needs {n} images per prompt, and no prompt has more than {deepest}"
        for n in _LEVELS
        if n > deepest
    }
    return levels if sums.both.any() else {"VISOR_cond": "no image shows both objects", **levels}


def _uncond(table: ScoreTable) -> float:
    """0.01 · VISOR_cond · OA as in the official script."""
    sums = table.once(PromptSums.of)
    oa = Ratio(sums.both, sums.images).times(100)
    cond = Ratio(sums.hits, sums.both).times(100)
    return 0.01 * (cond * oa) if sums.both.any() else oa


def _metric(
    key: str,
    help: str,
    ratio: Callable[[PromptSums], Ratio],
    headline: bool = True,
    exact: Callable[[ScoreTable], float] | None = None,
) -> Metric:
    return Metric(
        key,
        help,
        lambda table: MeanOfRatios((ratio(table.once(PromptSums.of)),)),
        headline=headline,
        exact=exact,
        undefined=lambda table: table.once(undefined).get(key),
    )


def _at_least(n: int) -> Metric:
    def ratio(sums: PromptSums) -> Ratio:
        return Ratio((sums.hits >= n).astype("float64"), (sums.images > 0).astype("float64"))

    return _metric(f"VISOR_{n}", f"prompts with {n} or more right images", ratio)


METRICS = (
    _metric("OA", "images that show both objects", lambda s: Ratio(s.both, s.images)),
    _metric("VISOR_uncond", "right images", lambda s: Ratio(s.hits, s.images), exact=_uncond),
    _metric(
        "VISOR_cond",
        "right images among those that show both objects",
        lambda s: Ratio(s.hits, s.both),
    ),
    *map(_at_least, _LEVELS),
    _metric("OA_A", "images that show the first object", lambda s: Ratio(s.a, s.images), False),
    _metric("OA_B", "images that show the second object", lambda s: Ratio(s.b, s.images), False),
)
"""All in percent; the headline are the columns of VISOR tables."""
