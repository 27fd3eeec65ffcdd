"""Soft-TIFA: from the probabilities of the expected answers to scores.

Source: ``evaluation.py`` and ``soft_tifa_analysis.py`` of facebookresearch/GenEval2 @ a6e82d2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SKILLS = ("object", "attribute", "count", "position", "verb")
"""What a question asks about, in the order of the official analysis."""

ATOMICITIES = range(3, 11)
"""How many atoms a prompt may have for the official analysis."""


class Pooled(NamedTuple):
    """The sum of the probabilities of a skill's questions, and how many these are."""

    total: float
    questions: int


def arithmetic(answers: Sequence[float]) -> float:
    """Soft-TIFA AM of one image: the mean of its answers."""
    return sum(answers) / len(answers)


def geometric(answers: Sequence[float]) -> float:
    """Soft-TIFA GM of one image: the geometric mean of its answers, 0 where one of them is 0.

    Nothing is raised to a floor before the logarithm, as some tools do.
    """
    if min(answers) == 0:
        return 0.0
    return float(np.exp(np.log(np.asarray(answers, dtype=np.float64)).mean()))


def pooled(answers: Sequence[float], skills: Sequence[str]) -> dict[str, Pooled]:
    """The answers of one image by skill; skills of other names are left out."""
    found = {}
    for skill in SKILLS:
        own = [answer for answer, of in zip(answers, skills, strict=True) if of == skill]
        found[skill] = Pooled(sum(own), len(own))
    return found


def strange(skills: Sequence[str]) -> list[str]:
    """The skills that the official analysis does not know."""
    return sorted({*skills} - {*SKILLS})
