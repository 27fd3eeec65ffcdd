"""Two runs on the same prompts: is the difference more than chance?

Both runs are resampled together, cluster by cluster, so what makes a prompt hard for both cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, nan

import numpy as np

from .bootstrap import percentile_bounds
from .columns import RatioColumns
from .exchange import exchange_p_values
from .ratios import FloatArray, MeanOfRatios
from .resampling import check_settings, cluster_sums, resampled_sums
from .wilson import wilson_interval


@dataclass(frozen=True, slots=True)
class Difference:
    """Second run minus first, in the metric's own scale.

    Attributes:
        value: difference of the point values; NaN where one of them is undefined.
        low: lower end of the interval.
        high: upper end of the interval.
        p: two-sided mid-p-value of the permutation test; NaN where nothing can be said.
        standard_error: spread of the resampled differences; NaN where resampling says nothing.
    """

    value: float
    low: float
    high: float
    p: float
    standard_error: float = nan


def paired_difference(
    first: Mapping[str, MeanOfRatios],
    second: Mapping[str, MeanOfRatios],
    clusters: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Difference]:
    """Differences of the metrics that both runs have, with clustered intervals and p-values.

    Args:
        first: the reference run, over the prompts that both runs have, in one order.
        second: the other run, over the same prompts.
        clusters: a cluster name per prompt.
        resamples: of the bootstrap, and of the permutation test.
        seed: of both.
        confidence: of the intervals.

    Returns:
        By metric key: percentile bootstrap interval, and the mid-p-value of the permutation test
        in which chance decides, cluster by cluster, which run is called the first. All exchanges
        are tried where there are at most ``resamples`` of them. Fewer than two clusters: NaN.
        Where both runs are at 0 or at 1 in every cluster, resampling says nothing, and the interval
        is Newcombe's from the two Wilson intervals with the clusters as the sample (Statistics in
        Medicine 17, 1998, method 10, which takes the runs as independent).

    Raises:
        UserError: resamples or confidence that mean nothing.
    """
    check_settings(resamples, confidence)
    runs = _TwoRuns(first, second, clusters)
    value = runs.difference(runs.sums.sum(axis=0, keepdims=True))[0]
    low = high = spread = np.full(len(runs.keys), nan)
    if len(runs.sums) >= 2:
        drawn = runs.difference(resampled_sums(runs.sums, resamples, seed))
        low, high = percentile_bounds(drawn, confidence, runs.informed())
        spread = _spread(drawn)
        for i, bounds in runs.uninformative(confidence).items():
            low[i], high[i] = bounds
            spread[i] = nan
    p = exchange_p_values(runs.sums, runs.difference, resamples, seed)
    defined = ~np.isnan(value)
    columns = zip(runs.keys, value, low, high, p, spread, defined, strict=True)
    return {
        key: Difference(float(v), float(lo), float(hi), float(q), float(s))
        if known
        else Difference(nan, nan, nan, nan)
        for key, v, lo, hi, q, s, known in columns
    }


class _TwoRuns:
    """The columns of two runs side by side, summed by cluster.

    Attributes:
        keys: the metrics that both have.
        sums: float64 of shape (clusters, 2 k).
    """

    def __init__(
        self,
        first: Mapping[str, MeanOfRatios],
        second: Mapping[str, MeanOfRatios],
        clusters: Sequence[str],
    ) -> None:
        self.keys = [key for key in first if key in second]
        self._a = RatioColumns([first[key] for key in self.keys], share=False)
        # One share is 0 or 1 everywhere if it is so overall; a mean of several shares need not be.
        self._scales = [
            first[key].scale if len(first[key].parts) == 1 else nan for key in self.keys
        ]
        self._b = RatioColumns([second[key] for key in self.keys], share=False)
        columns = [self._a.columns, self._b.columns]
        if columns[0].shape != columns[1].shape:
            raise ValueError("the two runs do not cover the same prompts and metrics")
        self._width = columns[0].shape[1]
        both = np.concatenate([part.T for part in columns]).T
        self.sums = cluster_sums(both, clusters) if self.keys else both

    def difference(self, totals: FloatArray) -> FloatArray:
        """Second run minus first from totals of shape (n, 2 k): shape (n, metrics)."""
        k = self._width
        return self._b.values(totals[:, k:]) - self._a.values(totals[:, :k])

    def uninformative(self, confidence: float) -> dict[int, tuple[float, float]]:
        """Newcombe's intervals of the metrics that are 0 or 1 in every cluster of both runs."""
        totals = self.sums.sum(axis=0, keepdims=True)
        k = self._width
        first, second = self._a.values(totals[:, :k])[0], self._b.values(totals[:, k:])[0]
        found = {}
        for i, (count, scale) in enumerate(zip(self.informed(), self._scales, strict=True)):
            if count < 2 or not {first[i], second[i]} <= {0.0, scale}:
                continue
            (a, a_low, a_high), (b, b_low, b_high) = (
                (share, *wilson_interval(share * count, count, confidence))
                for share in (first[i] / scale, second[i] / scale)
            )
            down, up = hypot(b - b_low, a_high - a), hypot(b_high - b, a - a_low)
            found[i] = (scale * (b - a - down), scale * (b - a + up))
        return found

    def informed(self) -> list[int]:
        """How many clusters each metric rests on in the run that has fewer of them."""
        a, b = self.sums[:, : self._width], self.sums[:, self._width :]
        return [min(self._a.informed(a, i), self._b.informed(b, i)) for i in range(len(self.keys))]


def _spread(drawn: FloatArray) -> FloatArray:
    """Standard deviation of each column, NaN rows of a column dropped."""
    columns = [column[~np.isnan(column)] for column in drawn.T]
    return np.array([column.std(ddof=1) if len(column) > 1 else nan for column in columns])
