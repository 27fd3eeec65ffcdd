"""The numbers of a comparison: differences with intervals, p-values, flips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan

import numpy as np

from ...plugins import ScoreTable
from ...plugins.metric import ratios, values
from ...prompts import Prompt
from ...scoring.verdicts import by_task
from ...statistics.holm import holm
from ...statistics.mcnemar import mcnemar_p
from ...statistics.paired import Difference, paired_difference
from ...statistics.power import smallest_difference
from ..scored import ScoredRun
from .pairing import Pairing, pair, refuse_other_prompts

ALL = "all"
"""The name of the group of all images."""


@dataclass(frozen=True, slots=True)
class MetricChange:
    """One metric of two runs over the images they share, in the metric's own scale.

    Attributes:
        first: value of the reference.
        second: value of the other run.
        difference: second minus first, with interval and permutation p-value.
        p_holm: the p-value after Holm's correction over the tests of this metric: all runs, or
            all runs and groups for the metric of a group.
        smallest: true difference that this many prompts find four times in five.
    """

    first: float
    second: float
    difference: Difference
    p_holm: float
    smallest: float


@dataclass(frozen=True, slots=True)
class Flip:
    """An image that one run has right and the other wrong."""

    prompt: Prompt
    index: int
    gained: bool
    before: str
    after: str


@dataclass(frozen=True)
class Comparison:
    """One run against the reference.

    Attributes:
        reference: the run that counts as before.
        other: the run that counts as after.
        pairing: the images they share.
        groups: changes by metric, under ``all`` and each task.
        flips: images right in one run only, prompts with the largest net change first.
        clusters: how many clusters of prompts the intervals and p-values rest on.
        p_mcnemar: exact p-value over all images; NaN where seeds differ.
    """

    reference: ScoredRun
    other: ScoredRun
    pairing: Pairing
    groups: Mapping[str, Mapping[str, MetricChange]]
    flips: Sequence[Flip]
    clusters: int
    p_mcnemar: float = nan

    @property
    def gained(self) -> int:
        """Images right in the other run only."""
        return sum(flip.gained for flip in self.flips)

    @property
    def lost(self) -> int:
        """Images right in the reference only."""
        return len(self.flips) - self.gained


def compare(
    reference: ScoredRun,
    others: Sequence[ScoredRun],
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    *,
    other_prompts: bool = False,
    any_rule: bool = False,
) -> list[Comparison]:
    """Compare runs with a reference, each on the images it shares with it.

    Args:
        resamples: of the clustered bootstrap and of the permutation test.
        confidence: of the intervals; p-values are two-sided.
        seed: of both.
        other_prompts: compare also runs whose prompts were rewritten differently.
        any_rule: compare also what two rules of other families judged; the metrics are those of
            the reference.

    Raises:
        UserError: runs of different benchmarks, or without a shared image; prompts that were
            rewritten differently, or in one of two runs only.
    """
    found = []
    for other in others:
        if not other_prompts:
            refuse_other_prompts(reference, other)
        pairing = pair(reference, other, any_rule=any_rule)
        tables = {ALL: (pairing.first, pairing.second)}
        second = by_task(pairing.second)
        if len(second) > 1:
            tables |= {task: (part, second[task]) for task, part in by_task(pairing.first).items()}
        groups = {
            name: _changes(reference, *pair_, resamples, confidence, seed)
            for name, pair_ in tables.items()
        }
        flips = _flips(reference, other, pairing)
        clusters = len(set(reference.benchmark.clusters(pairing.first.prompts)))
        found.append(Comparison(reference, other, pairing, groups, flips, clusters))
    return [_tested(comparison) for comparison in _corrected(found)]


def _changes(
    reference: ScoredRun,
    first: ScoreTable,
    second: ScoreTable,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, MetricChange]:
    differences = paired_difference(
        ratios(reference.metrics, first),
        ratios(reference.metrics, second),
        reference.benchmark.clusters(first.prompts),
        resamples,
        seed,
        confidence,
    )
    before, after = values(reference.metrics, first), values(reference.metrics, second)
    return {
        key: MetricChange(
            before.get(key, nan),
            after.get(key, nan),
            difference,
            nan,
            smallest_difference(difference.standard_error, confidence=confidence),
        )
        for key, difference in differences.items()
    }


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Fill in Holm's p-values: one family a metric over the runs, another over runs and groups."""
    families: dict[tuple[str, bool], dict[str, float]] = {}
    for number, comparison in enumerate(comparisons):
        for group, changes in comparison.groups.items():
            for key, change in changes.items():
                family = families.setdefault((key, group == ALL), {})
                family[f"{number} {group}"] = change.difference.p
    adjusted = {name: holm(family) for name, family in families.items()}
    return [
        replace(
            comparison,
            groups={
                group: {
                    key: replace(change, p_holm=adjusted[key, group == ALL][f"{number} {group}"])
                    for key, change in changes.items()
                }
                for group, changes in comparison.groups.items()
            },
        )
        for number, comparison in enumerate(comparisons)
    ]


def _tested(comparison: Comparison) -> Comparison:
    if not comparison.pairing.same_seeds:
        return comparison
    return replace(comparison, p_mcnemar=mcnemar_p(comparison.lost, comparison.gained))


def _flips(reference: ScoredRun, other: ScoredRun, pairing: Pairing) -> list[Flip]:
    before = pairing.first.columns["correct"].astype(bool)
    after = pairing.second.columns["correct"].astype(bool)
    flips = [
        Flip(
            pairing.first.prompts[pairing.first.prompt_row[row]],
            int(pairing.first.index[row]),
            bool(after[row]),
            reference.reasons[pairing.first_rows[row]],
            other.reasons[pairing.second_rows[row]],
        )
        for row in np.flatnonzero(before != after).tolist()
    ]
    net: dict[str, int] = {}
    for flip in flips:
        net[flip.prompt.id] = net.get(flip.prompt.id, 0) + (1 if flip.gained else -1)
    return sorted(flips, key=lambda f: (-abs(net[f.prompt.id]), f.prompt.id, f.index))
