"""Error bars by resampling clusters of prompts.

Prompts about the same objects succeed and fail together, so the cluster is drawn, not the image.

Intervals are percentile intervals, with the tails that few clusters need: plain percentiles are as
wide as if the spread of n clusters were known, so the tail is that of Student's t with n - 1
degrees of freedom (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, "expanded
percentile"). A bias-corrected interval (BCa) needs a jackknife over clusters and becomes erratic
for rates near 0, which VISOR_4 of a plain model is; with the some hundred clusters of a real run
they agree. Where resampling can say nothing, because a share is the same in every cluster (mostly 0
or 1), the interval is Wilson's with the clusters as the sample: no certainty from few images.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import LazyLoader, find_spec, module_from_spec
from math import nan, sqrt
from statistics import NormalDist

import numpy as np

from .columns import RatioColumns
from .ratios import FloatArray, MeanOfRatios
from .resampling import check_settings, cluster_sums, resampled_sums
from .wilson import wilson_interval


def intervals(
    ratios: Mapping[str, MeanOfRatios],
    clusters: Sequence[str],
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """A confidence interval for each metric, from one seeded bootstrap over clusters.

    Args:
        ratios: metrics as ratios of per-prompt sums, arrays of shape (prompts,).
        clusters: a cluster name per prompt. Clusters with zeros only do not take part.
        resamples: how many times the clusters are redrawn.
        seed: of the draws. The same input and seed give the same intervals, in any prompt order.
        confidence: share of repetitions that should cover the truth.

    Returns:
        ``(low, high)`` by metric key, in the metric's own scale. A resample with a zero
        denominator is dropped for that metric; if all are, or if the metric itself is undefined
        or rests on fewer than two clusters, the interval is (NaN, NaN).

    Raises:
        UserError: resamples or confidence that mean nothing.
    """
    check_settings(resamples, confidence)
    keys = list(ratios)
    table = RatioColumns([ratios[key] for key in keys])
    if not keys:
        return {}
    sums = cluster_sums(table.columns, clusters)
    if len(sums) < 2:
        return dict.fromkeys(keys, (nan, nan))
    point = table.values(sums.sum(axis=0, keepdims=True))[0]
    drawn = table.values(resampled_sums(sums, resamples, seed))
    informed = [table.informed(sums, i) for i in range(len(keys))]
    low, high = percentile_bounds(drawn, confidence, informed)
    out: dict[str, tuple[float, float]] = {}
    for i, key in enumerate(keys):
        metric = ratios[key]
        count = informed[i]
        if count < 2 or np.isnan(point[i]):
            out[key] = (nan, nan)
        elif len(metric.parts) == 1 and 0 <= point[i] <= metric.scale and low[i] == high[i]:
            bounds = wilson_interval(point[i] / metric.scale * count, count, confidence)
            out[key] = (metric.scale * bounds[0], metric.scale * bounds[1])
        else:
            out[key] = (float(low[i]), float(high[i]))
    return out


def percentile_bounds(
    drawn: FloatArray, confidence: float, clusters: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Expanded percentiles of each column of (resamples, k), NaN rows of a column dropped.

    ``clusters`` is how many each column rests on; with fewer than two, and for a column of NaN
    only, the bounds are NaN.
    """
    bounds = np.full((2, drawn.shape[1]), nan)
    for k, (column, count) in enumerate(zip(drawn.T, clusters, strict=True)):
        defined = column[~np.isnan(column)]
        if len(defined) and count >= 2:
            tail = _tail(confidence, count)
            bounds[:, k] = np.quantile(defined, (tail, 1 - tail))
    return bounds[0], bounds[1]


def _tail(confidence: float, clusters: int) -> float:
    """Share of the resamples to leave out on either side; ``clusters`` at least 2."""
    return NormalDist().cdf(-expanded_t(clusters, 0.5 + confidence / 2))


def expanded_t(clusters: int, below: float) -> float:
    """How many standard errors a mean of so many clusters may be off; at least 2 of them.

    Args:
        below: the share of Student's t that lies below the result, before it is expanded.
    """
    # scipy.special copies all that numpy has, its Fortran compiler and unittest with it.
    for tool in ("f2py", "testing"):
        _only_when_used("numpy", tool)
    from scipy.special import stdtrit

    return sqrt(clusters / (clusters - 1)) * float(stdtrit(clusters - 1, below))


def _only_when_used(package: str, name: str) -> None:
    """Have a module of a package imported once something in it is asked for, and not before."""
    full = f"{package}.{name}"
    if full in sys.modules or (spec := find_spec(full)) is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[full] = module
    setattr(sys.modules[package], name, module)
