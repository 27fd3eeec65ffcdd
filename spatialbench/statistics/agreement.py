"""How often two judges agree, and how much of that is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .bootstrap import intervals, percentile_bounds
from .ratios import FloatArray, MeanOfRatios, Ratio
from .resampling import cluster_sums, resampled_sums

Bounds = tuple[float, float]
_UNKNOWN = (math.nan, math.nan)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts of two judges' yes and no on the same things.

    ``only_first`` is how often the first alone said yes. The intervals are NaN where nothing can
    be said of them.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    rate_interval: Bounds = _UNKNOWN
    kappa_interval: Bounds = _UNKNOWN

    @classmethod
    def of(cls, first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> Agreement:
        """From two judges' answers, bool (n,) each."""
        return cls(
            int((first & second).sum()),
            int((first & ~second).sum()),
            int((~first & second).sum()),
            int((~first & ~second).sum()),
        )

    @classmethod
    def of_clusters(
        cls,
        first: npt.NDArray[np.bool_],
        second: npt.NDArray[np.bool_],
        clusters: Sequence[str],
        resamples: int = 2000,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> Agreement:
        """With intervals of the rate and of kappa.

        Args:
            first: answers of the first judge, bool (n,).
            second: answers of the second, bool (n,).
            clusters: n names of what is drawn together; both answers of a thing stay together.
            resamples: of the bootstrap over the clusters. One in which kappa is undefined does not
                count for it.
            confidence: of the intervals.
            seed: of the draws.

        Raises:
            UserError: resamples or confidence that mean nothing.
        """
        kinds = (first & second, first & ~second, ~first & second, ~first & ~second)
        columns = np.stack(kinds, axis=1).astype(np.float64)
        same = MeanOfRatios((Ratio(columns[:, 0] + columns[:, 3], np.ones(len(columns))),), 1.0)
        rate = intervals({"rate": same}, clusters, resamples, seed, confidence)["rate"]
        sums = cluster_sums(columns, clusters)
        found = cls.of(first, second)
        if len(sums) < 2 or math.isnan(found.kappa):
            return replace(found, rate_interval=rate)
        drawn = _kappas(resampled_sums(sums, resamples, seed))
        low, high = percentile_bounds(drawn[:, np.newaxis], confidence, [len(sums)])
        if low[0] == high[0]:
            # One of the two always says the same, so that kappa is 0 whatever is drawn.
            return replace(found, rate_interval=rate)
        return replace(found, rate_interval=rate, kappa_interval=(float(low[0]), float(high[0])))

    @property
    def count(self) -> int:
        """How many things were judged."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def rate(self) -> float:
        """Share of equal answers; NaN without any."""
        return (self.both + self.neither) / self.count if self.count else math.nan

    @property
    def kappa(self) -> float:
        """Cohen's kappa: 1 is perfect, 0 is what their yes rates alone would give.

        NaN where chance alone explains everything (both always say the same one word). Cohen, "A
        coefficient of agreement for nominal scales" (1960).
        """
        counts = [self.both, self.only_first, self.only_second, self.neither]
        return float(_kappas(np.array([counts], dtype=np.float64))[0])


def _kappas(counts: FloatArray) -> FloatArray:
    """Kappa of each row of (n, 4) counts: both, only the first, only the second, neither."""
    both, only_first, only_second, neither = counts.T
    total = counts.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = (both + only_first) / total, (both + only_second) / total
        chance = first * second + (1 - first) * (1 - second)
        kappas: FloatArray = ((both + neither) / total - chance) / (1 - chance)
    return np.where(np.isfinite(kappas), kappas, math.nan)
