"""Two runs on the same prompts: is the difference more than chance?

Both runs are resampled together, cluster by cluster, so what makes a prompt hard for both cancels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from .bootstrap import percentile_bounds
from .columns import RatioColumns
from .ratios import FloatArray, MeanOfRatios
from .resampling import check_settings, cluster_sums, resampled_sums

_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class Difference:
    """Second run minus first, in the metric's own scale.

    Attributes:
        value: difference of the point values; NaN where one of them is undefined.
        low: lower end of the interval.
        high: upper end of the interval.
        p: two-sided p-value of the permutation test; NaN where nothing can be said.
        standard_error: spread of the resampled differences.
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
        clusters: a cluster name a prompt.
        resamples: of the bootstrap, and of the permutation test.
        seed: of both.
        confidence: of the intervals.

    Returns:
        By metric key: percentile bootstrap interval, and the p-value of the permutation test in
        which chance decides, cluster by cluster, which run is called the first. All exchanges
        are tried where there are at most ``resamples`` of them. Fewer than two clusters: NaN.

    Raises:
        UserError: resamples or confidence that mean nothing.
    """
    check_settings(resamples, confidence)
    keys = [key for key in first if key in second]
    if not keys:
        return {}
    a = RatioColumns([first[key] for key in keys], share=False)
    b = RatioColumns([second[key] for key in keys], share=False)
    width = a.columns.shape[1]
    if b.columns.shape != a.columns.shape:
        raise ValueError("the two runs do not cover the same prompts and metrics")
    sums = cluster_sums(np.concatenate([a.columns, b.columns], axis=1), clusters)

    def difference(totals: FloatArray) -> FloatArray:
        return b.values(totals[:, width:]) - a.values(totals[:, :width])

    value = difference(sums.sum(axis=0, keepdims=True))[0]
    low = high = p = spread = np.full(len(keys), nan)
    if len(sums) >= 2:
        drawn = difference(resampled_sums(sums, resamples, seed))
        low, high = percentile_bounds(drawn, confidence)
        spread = _spread(drawn)
        exchanged = difference(_exchanged_sums(sums, resamples, seed))
        complete = 2 ** len(sums) <= resamples
        p = _share_as_extreme(exchanged, value, complete)
    defined = ~np.isnan(value)
    columns = zip(keys, value, low, high, p, spread, defined, strict=True)
    return {
        key: Difference(float(v), float(lo), float(hi), float(q), float(s))
        if known
        else Difference(nan, nan, nan, nan)
        for key, v, lo, hi, q, s, known in columns
    }


def _spread(drawn: FloatArray) -> FloatArray:
    """Standard deviation of each column, NaN rows of a column dropped."""
    columns = [column[~np.isnan(column)] for column in drawn.T]
    return np.array([column.std(ddof=1) if len(column) > 1 else nan for column in columns])


def _exchanged_sums(sums: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Totals after exchanging the two halves of the columns in some of the clusters."""
    size, width = len(sums), sums.shape[1] // 2
    a, b = sums[:, :width], sums[:, width:]
    if 2**size <= resamples:
        numbers = np.arange(2**size)[:, None]
        moved = ((numbers >> np.arange(size)) & 1).astype(np.float64) @ (b - a)
    else:
        # Its own stream: the bootstrap draws from the plain seed.
        generator = np.random.default_rng([seed, 1])
        step = max(1, _CHUNK // size)
        moved = np.concatenate(
            [
                generator.integers(0, 2, (min(step, resamples - start), size)).astype(np.float64)
                @ (b - a)
                for start in range(0, resamples, step)
            ]
        )
    return np.concatenate([a.sum(axis=0) + moved, b.sum(axis=0) - moved], axis=1)


def _share_as_extreme(exchanged: FloatArray, value: FloatArray, complete: bool) -> FloatArray:
    """Two-sided p-values; an exchange that leaves the metric undefined counts as extreme.

    With random exchanges the observed one is added, so that p is never 0 (Phipson and Smyth 2010).
    """
    slack = 1e-9 * np.maximum(1.0, np.abs(value))
    extreme = ~(np.abs(exchanged) < np.abs(value) - slack)
    count = extreme.sum(axis=0)
    drawn = len(exchanged)
    return np.asarray(count / drawn if complete else (count + 1) / (drawn + 1), dtype=np.float64)
