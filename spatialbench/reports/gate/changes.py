"""What the metrics of a run changed by on the reference's images, look by look.

Of the false alarms that a gate may raise (``1 - confidence`` of all gates), four fifths are for the
metric that is asked first and the rest is shared by the others, so that one check more or less
changes little. A metric is worse when p is at or below its level, unless all of its interval lies
above the loss that its window allows: then a loss is certain, and small enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from ...plugins import Metric, ScoreTable
from ...plugins.metric import ratios
from ...scoring.verdicts import by_task
from ...statistics.looks import first_prompts, looks
from ...statistics.paired import Difference
from ...statistics.power import smallest_difference
from ...statistics.ratios import FloatArray, MeanOfRatios, Ratio
from .file import Window

FIRST_SHARE = 0.8
"""Of the false alarms, the share of the metric that is asked first."""

Name = tuple[str, str]
"""Group and metric of a check."""
ALL = "all"


@dataclass(frozen=True, slots=True)
class Change:
    """What a metric of a run is on the reference's images.

    Attributes:
        value: of the run, over the images compared.
        difference: run minus reference; the interval is that of ``level``.
        level: p at or below it is more than chance.
        certain: whether that is so, for the worse.
        worse: whether that loss may also be more than the window allows.
        bearable: whether all of the interval lies within what the window allows to be lost.
    """

    value: float
    difference: Difference
    level: float
    certain: bool
    worse: bool
    bearable: bool

    @property
    def unchanged(self) -> bool:
        """Whether no image changed that counts for the metric."""
        return self.difference.value == 0 and isnan(self.difference.standard_error)

    @property
    def smallest(self) -> float:
        """The true loss that these images find in four of five repetitions; NaN if unknown."""
        return smallest_difference(self.difference.standard_error, confidence=1 - self.level)


@dataclass(frozen=True)
class Question:
    """What is asked of the pairs.

    Attributes:
        metrics: those of the rule.
        windows: by group and metric; the tolerance is the loss that is allowed.
        first: the metric that is asked first.
        confidence: of the gate as a whole.
    """

    metrics: Sequence[Metric]
    windows: Mapping[Name, Window]
    first: Name
    confidence: float

    @property
    def others(self) -> list[Name]:
        """The checks besides the first one."""
        return [name for name in self.windows if name != self.first]

    @property
    def alarms(self) -> tuple[float, float]:
        """False alarms that the first metric may raise, and all others together."""
        budget = 1 - self.confidence
        return (FIRST_SHARE * budget, (1 - FIRST_SHARE) * budget) if self.others else (budget, 0.0)

    def answers(
        self,
        pair: tuple[ScoreTable, ScoreTable],
        clusters: Sequence[str],
        whole: int,
        count: int,
        resamples: int | None = None,
    ) -> Iterator[tuple[int, dict[Name, Change], bool]]:
        """By look its prompts, what changed, and whether that is enough to stop.

        Args:
            pair: verdicts of the reference and of the run on the same images, prompts in run order.
            clusters: a cluster name per prompt.
            whole: prompts of the plan.
            count: looks of the plan.
            resamples: as of ``looks``.
        """
        runs = [_by_group(self.metrics, table, self.windows) for table in pair]
        names = {"\0".join(n): n for n in self.windows if all(n in run for run in runs)}
        one, two = ({key: run[name] for key, name in names.items()} for run in runs)
        # A loss is one side of a two-sided test.
        first, rest = (min(0.999, 2 * share) for share in self.alarms)
        each = rest / max(1, len(self.others))
        alphas = {key: first if name == self.first else each for key, name in names.items()}
        for look in looks(
            one, two, clusters, whole, alphas=alphas, count=count, resamples=resamples
        ):
            changes = {
                name: self._change(
                    name,
                    first_prompts(two[key], look.prompts).value(),
                    look.differences[key],
                    look.levels[key],
                )
                for key, name in names.items()
            }
            yield look.prompts, changes, self._enough(changes)

    def _change(self, name: Name, value: float, difference: Difference, level: float) -> Change:
        gain = self._gain(name)
        lowest = difference.low if gain > 0 else -difference.high
        bearable = not isnan(lowest) and lowest > -self.windows[name].tolerance
        certain = difference.p <= level and difference.value * gain < 0
        return Change(value, difference, level, certain, certain and not bearable, bearable)

    def _enough(self, changes: Mapping[Name, Change]) -> bool:
        """Something is worse, or what is asked first has not lost too much and nothing else has."""
        if any(change.worse for change in changes.values()):
            return True
        if self.first not in changes or not changes[self.first].bearable:
            return False
        return all(
            name in changes
            and changes[name].difference.value * self._gain(name) >= -window.tolerance
            for name, window in self.windows.items()
        )

    def _gain(self, name: Name) -> int:
        """1 where larger is better and -1 where smaller is."""
        smaller = {metric.key for metric in self.metrics if not metric.larger_is_better}
        return -1 if name[1] in smaller else 1


def _by_group(
    metrics: Sequence[Metric], table: ScoreTable, names: Collection[Name]
) -> dict[Name, MeanOfRatios]:
    """Metrics over all prompts, and those of a task with nothing from the prompts of others."""
    found = {(ALL, key): ratio for key, ratio in ratios(metrics, table).items()}
    for task, part in by_task(table).items() if any(g != ALL for g, _ in names) else ():
        inside = np.array([prompt.task == task for prompt in table.prompts])
        for key, ratio in ratios(metrics, part).items():
            parts = [
                Ratio(_spread(p.numerator, inside), _spread(p.denominator, inside))
                for p in ratio.parts
            ]
            found[task, key] = MeanOfRatios(parts, ratio.scale)
    return {name: ratio for name, ratio in found.items() if name in names}


def _spread(values: FloatArray, inside: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> FloatArray:
    spread = np.zeros(len(inside))
    spread[inside] = values
    return spread
