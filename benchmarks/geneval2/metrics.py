"""GenEval 2's scores from the verdicts of a run, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spatialbench.plugins import Metric, ScoreTable
from spatialbench.statistics.ratios import MeanOfRatios, Ratio

from .soft_tifa import ATOMICITIES, SKILLS, strange

GM, AM = "SoftTIFA_GM", "SoftTIFA_AM"


def _geometric(table: ScoreTable) -> MeanOfRatios:
    return MeanOfRatios((Ratio(table.sums("score"), table.sums()),))


def _arithmetic(table: ScoreTable) -> MeanOfRatios:
    return MeanOfRatios((Ratio(table.sums("mean"), table.sums()),))


def _skill(skill: str) -> Metric:
    """The mean of all answers of a skill, pooled over the prompts."""

    def ratio(table: ScoreTable) -> MeanOfRatios:
        return MeanOfRatios((Ratio(table.sums(f"p_{skill}"), table.sums(f"asked_{skill}")),))

    def undefined(table: ScoreTable) -> str | None:
        if others := strange([one for prompt in table.prompts for one in prompt.facts["skills"]]):
            return f"the prompts have skills that GenEval 2 does not know: {', '.join(others)}"
        if not table.sums(f"asked_{skill}").any():
            return f"no question of these prompts has the skill {skill}"
        return None

    return Metric(
        skill, f"mean answer to all questions of the skill {skill}", ratio, undefined=undefined
    )


METRICS = (
    Metric(GM, "mean over images of the geometric mean of their answers", _geometric),
    Metric(AM, "mean over images of the mean of their answers", _arithmetic),
    *map(_skill, SKILLS),
)


def by_atomicity(table: ScoreTable) -> Mapping[str, Mapping[str, Any]]:
    """Soft-TIFA GM of the prompts with 3, 4, ... 10 atoms, and of how many images.

    Where it is undefined it is None, and ``undefined`` says why: no prompt has so many atoms, or
    some have so many that the official analysis knows none.
    """
    atoms = np.array([prompt.facts["atom_count"] for prompt in table.prompts], dtype=np.int64)
    others = sorted({*atoms.tolist()} - {*ATOMICITIES})
    found: dict[str, dict[str, Any]] = {}
    scores, images = table.sums("score"), table.sums()
    for number in ATOMICITIES:
        chosen = atoms == number
        told: dict[str, Any] = {GM: None, "images": int(images[chosen].sum())}
        if others:
            told["undefined"] = f"there are prompts of {', '.join(map(str, others))} atoms"
        elif not chosen.any():
            told["undefined"] = f"no prompt has {number} atoms"
        else:
            told[GM] = 100 * float(scores[chosen].sum()) / told["images"]
        found[str(number)] = told
    return found
