"""T2I-CompBench's scores from the verdicts of a run: the plain mean over images, by category."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import numpy.typing as npt

from spatialbench.plugins import Metric, ScoreTable
from spatialbench.prompts import Prompt
from spatialbench.statistics.ratios import MeanOfRatios, Ratio

from . import judging
from .judging import BY_JUDGES, SPATIAL_PART, WHOLE
from .prompts import category_of
from .three_in_one import Branch

LEFT_OUT = "left out"
"""The category of a prompt that the rule says nothing of."""


def _mean_answer(key: str, category: str, variant: int) -> Metric:
    """100 times the mean answer of a category under a rule; the official scorer's is 0 to 1.

    Of non-spatial prompts an answer is a cosine, -1 to 1.
    """

    def ratio(table: ScoreTable) -> MeanOfRatios | None:
        chosen = table.once(categories) == category
        if _variant(table) != variant or not chosen.any():
            return None
        scores, seen = table.sums("score"), table.sums()
        return MeanOfRatios((Ratio(np.where(chosen, scores, 0.0), np.where(chosen, seen, 0.0)),))

    def exact(table: ScoreTable) -> float:
        scores = np.asarray(table.columns["score"], dtype=np.float64)
        rows = table.once(categories)[table.prompt_row] == category
        answers = scores[rows].tolist()
        return 100 * (sum(answers) / len(answers)) if answers else nan

    rule = ("the official rule", "the corrected rule", "InfSplign's rule")[variant]
    return Metric(key, f"mean answer of {rule} on {category} prompts", ratio, exact=exact)


def _found(table: ScoreTable) -> MeanOfRatios | None:
    """Left out where it is not known, as in official result files."""
    if "found_all" not in table.columns:
        return None
    judged = table.once(categories) != LEFT_OUT
    found, seen = table.sums("found_all"), table.sums()
    return MeanOfRatios((Ratio(np.where(judged, found, 0.0), np.where(judged, seen, 0.0)),))


def _share_found(table: ScoreTable) -> float:
    judged = (table.once(categories) != LEFT_OUT)[table.prompt_row]
    complete = np.asarray(table.columns["found_all"], dtype=np.float64)[judged]
    return 100 * float(complete.mean()) if len(complete) else nan


_O, _C, _I = judging.OFFICIAL, judging.CORRECTED, judging.INFSPLIGN

METRICS = (
    _mean_answer("T2I_2D", "2d", _O),
    _mean_answer("T2I_2D_corrected", "2d", _C),
    _mean_answer("T2I_2D_infsplign", "2d", _I),
    _mean_answer("T2I_3D", "3d", _O),
    _mean_answer("T2I_3D_corrected", "3d", _C),
    _mean_answer("T2I_numeracy", "numeracy", _O),
    _mean_answer("T2I_numeracy_corrected", "numeracy", _C),
    _mean_answer("T2I_complex", "complex", _O),
    _mean_answer("T2I_complex_corrected", "complex", _C),
    _mean_answer("T2I_complex_infsplign", "complex", _I),
    *(_mean_answer(f"T2I_{name.replace('-', '_')}", name, _O) for name in BY_JUDGES),
    _mean_answer("T2I_complex_3in1", WHOLE, _O),
    Metric("OA", "images that show every asked object", _found, exact=_share_found),
)
"""In percent: numbers of different rules never share a column. A table has only those of its
categories and rule."""


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


def categories(table: ScoreTable) -> npt.NDArray[np.object_]:
    """By prompt, the category it counts for under the rule of the table.

    A rule of relations judges the spatial prompts of the whole category complex, and leaves out
    the others.
    """
    of_relations = "position" in table.columns
    return np.array(
        [_spatial_part(p) if of_relations else category_of(p) for p in table.prompts], dtype=object
    )


def _spatial_part(prompt: Prompt) -> str:
    if category_of(prompt) != WHOLE:
        return category_of(prompt)
    return SPATIAL_PART if prompt.facts["branch"] is Branch.SPATIAL else LEFT_OUT


def _variant(table: ScoreTable) -> int:
    """The rule that judged; result files hold the official rule's verdicts."""
    variants = table.columns.get("variant")
    return judging.OFFICIAL if variants is None or not len(variants) else int(variants[0])


def left_out(prompts: Sequence[Prompt]) -> int:
    """How many of these prompts a rule of relations says nothing of."""
    return sum(_spatial_part(prompt) == LEFT_OUT for prompt in prompts)
