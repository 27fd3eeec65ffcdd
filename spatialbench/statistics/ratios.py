"""A metric as a mean of ratios of sums, the form a clustered bootstrap can resample quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FloatArray: TypeAlias = "npt.NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class Ratio:
    """``sum(numerator) / sum(denominator)``, both float64 of shape (prompts,)."""

    numerator: FloatArray
    denominator: FloatArray

    def times(self, scale: float) -> float:
        """``scale * sum(numerator) / sum(denominator)``, NaN where that is over 0."""
        denominator = float(self.denominator.sum())
        return scale * float(self.numerator.sum()) / denominator if denominator else nan


@dataclass(frozen=True, slots=True)
class MeanOfRatios:
    """``scale`` times the unweighted mean of its ratios.

    One ratio for most metrics (VISOR_cond: hits over images with both objects); several where a
    benchmark averages task means (GenEval's overall score).
    """

    parts: Sequence[Ratio]
    scale: float = 100.0

    def value(self) -> float:
        """The metric over all prompts; NaN where a denominator is 0."""
        import numpy as np

        return float(np.mean([part.times(self.scale) for part in self.parts]))
