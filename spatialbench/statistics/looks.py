"""A paired test of two runs at the looks of a plan, over the first prompts of the run order.

At each look p is that of the permutation test over whole clusters, held to the level that
``spending`` gives. The interval of a look holds over all looks together: in 95 of 100 repetitions
none of them misses the true difference (repeated confidence intervals, Jennison and Turnbull 1989).
So a test may also stop because a difference that matters is excluded, and may go on after it could
have stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, isnan, nan

import numpy as np

from .bootstrap import expanded_t
from .paired import Difference, paired_difference
from .ratios import MeanOfRatios, Ratio
from .resampling import cluster_sums
from .spending import LOOKS, Shape, levels, look_sizes

RESAMPLES = 4000
"""Exchanges and bootstrap resamples of a look, so that p reaches below the second look's level."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw.

    Attributes:
        number: from 1.
        prompts: how many, from the first of the run order on.
        levels: by metric key; p at or below it stops the test.
        differences: by metric key second run minus first, the interval the one that holds over all
            looks.
    """

    number: int
    prompts: int
    levels: Mapping[str, float]
    differences: Mapping[str, Difference]

    def crossed(self, key: str) -> bool:
        """Whether a difference is more than chance; an undefined one is not."""
        return self.differences[key].p <= self.levels[key]


def looks(
    first: Mapping[str, MeanOfRatios],
    second: Mapping[str, MeanOfRatios],
    clusters: Sequence[str],
    whole: int,
    *,
    alphas: Mapping[str, float],
    count: int = LOOKS,
    shape: Shape = "obrien-fleming",
    resamples: int | None = None,
    seed: int = 0,
) -> Iterator[Look]:
    """The looks of a plan of ``whole`` prompts that these prompts reach, one after the other.

    Args:
        first: metrics of the reference, their prompts in run order.
        second: the same of the other run, over the same prompts.
        clusters: a cluster name per prompt.
        whole: prompts of the plan; there may be fewer so far.
        alphas: by metric key the chance that any look finds a difference where there is none, in
            either direction.
        count: looks of the plan; one is the ordinary test.
        resamples: None for 2,000 with one look, and for ``RESAMPLES`` with several.

    Raises:
        ValueError: more prompts than the plan has.
    """
    there = len(clusters)
    if there > whole:
        raise ValueError(f"{there} prompts for a plan of {whole}")
    sizes = look_sizes(whole, count)
    resamples = resamples or (RESAMPLES if len(sizes) > 1 else 2000)
    shares = [size / whole for size in sizes]
    allowed = {alpha: levels(shares, alpha, shape) for alpha in {*alphas.values()}}
    for number, size in enumerate(sizes, 1):
        if size > there:
            return
        one = {key: first_prompts(metric, size) for key, metric in first.items()}
        two = {key: first_prompts(metric, size) for key, metric in second.items()}
        names = clusters[:size]
        found = paired_difference(one, two, names, resamples, seed)
        own = {key: allowed[alphas[key]][number - 1] for key in found}
        held = {
            key: _held(difference, (one[key], two[key]), names, own[key])
            for key, difference in found.items()
        }
        yield Look(number, size, own, held)


def first_prompts(metric: MeanOfRatios, size: int) -> MeanOfRatios:
    """A metric over the first prompts alone."""
    parts = [Ratio(part.numerator[:size], part.denominator[:size]) for part in metric.parts]
    return replace(metric, parts=parts)


def _held(
    found: Difference,
    pair: tuple[MeanOfRatios, MeanOfRatios],
    clusters: Sequence[str],
    level: float,
) -> Difference:
    """The difference with the interval of a look.

    Percentiles as far out as some levels would need more resamples than there are, so it is
    Student's t with the bootstrap's standard error; and because a spread that is known from a
    handful of changed clusters says little, in the form of Wilson's interval, with what a changed
    cluster changes by as its unit. Where nothing changed that is all there is, and the unit is the
    whole scale.
    """
    if isnan(found.value):
        return found
    count, share, unit = _changed(pair, clusters)
    spread = found.standard_error if share else 0.0
    if count < 2 or isnan(spread):
        return found
    far = expanded_t(count, 1 - level / 2)
    shift = far**2 * pair[0].scale * unit / (count + far**2) / 2 * max(0.0, 1 - 2 * share)
    reach = shift + hypot(far * spread, shift)
    known = spread if share else nan
    return replace(found, low=found.value - reach, high=found.value + reach, standard_error=known)


def _changed(
    pair: tuple[MeanOfRatios, MeanOfRatios], clusters: Sequence[str]
) -> tuple[int, float, float]:
    """How many clusters count, the share that changed, and the part of the scale that one changed.

    That part is all of it where none did, or where only denominators changed.
    """
    columns = [
        column
        for a, b in zip(pair[0].parts, pair[1].parts, strict=True)
        for column in (a.numerator, b.numerator, a.denominator, b.denominator)
    ]
    sums = cluster_sums(np.array(columns).T, clusters)
    changed = np.zeros(len(sums), dtype=bool)
    units = []
    for one, two, under, over in (sums[:, k : k + 4].T for k in range(0, sums.shape[1], 4)):
        moved = one != two
        changed |= moved | (under != over)
        if moved.any():
            size = np.abs(two - one)[moved].mean() / np.maximum(under, over)[moved].mean()
            units.append(float(size))
    share = float(changed.mean()) if len(sums) else 0.0
    return len(sums), share, min(1.0, max(units, default=1.0))
