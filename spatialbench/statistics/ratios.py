"""A metric as a mean of ratios of sums, the form a clustered bootstrap can resample quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """``sum(numerator) / sum(denominator)``, both float64 of shape (prompts,)."""

    numerator: FloatArray
    denominator: FloatArray


@dataclass(frozen=True, slots=True)
class MeanOfRatios:
    """``scale`` times the unweighted mean of its ratios.

    One ratio for most metrics (VISOR_cond: hits over images with both objects); several where a
    benchmark averages task means (GenEval's overall score).
    """

    parts: Sequence[Ratio]
    scale: float = 100.0
