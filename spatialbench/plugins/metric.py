"""Metrics: what the verdicts of a run come to, each as a ratio of sums by prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import nan
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..prompts import Prompt
    from ..statistics.ratios import FloatArray, MeanOfRatios

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Verdicts of a run as columns, one row per image, in the order of the expected images.

    ``prompts[prompt_row[i]]`` is the prompt of row i and ``index[i]`` its image index.
    ``columns`` holds ``correct`` (bool), ``score`` (float64) and the rule's facts.
    """

    prompts: Sequence[Prompt]
    prompt_row: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]
    _made: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, compute: Callable[[ScoreTable], Made]) -> Made:
        """What a function makes of this table, computed once: several metrics are made of it."""
        if compute not in self._made:
            self._made[compute] = compute(self)
        made: Made = self._made[compute]
        return made

    def sums(self, *columns: str) -> FloatArray:
        """The product of columns summed over each prompt's images; float64 of shape (prompts,).

        Without a column it is how many images each prompt has.
        """
        import numpy as np

        if columns not in self._made:
            factors = [np.asarray(self.columns[name], dtype=np.float64) for name in columns]
            weights = reduce(np.multiply, factors) if factors else None
            sums = np.bincount(self.prompt_row, weights, len(self.prompts))
            self._made[columns] = sums.astype(np.float64, copy=False)
        made: FloatArray = self._made[columns]
        return made


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of a table: value, interval, paired test, chart and column follow from it.

    Attributes:
        key: letters, digits and underscores; what tables, files and gates call it.
        help: what it is, in a line.
        ratio: it as ratios of sums by prompt, of shape (prompts,) in the order of
            ``table.prompts``; None where this table does not have it.
        larger_is_better: false for an error.
        headline: whether tables have a column for it.
        exact: the value in the ratio's scale where an official script rounds otherwise.
        undefined: why the number that the formula gives would mean nothing, or None.

    Raises:
        ValueError: a key that is no word.
    """

    key: str
    help: str
    ratio: Callable[[ScoreTable], MeanOfRatios | None]
    larger_is_better: bool = True
    headline: bool = True
    exact: Callable[[ScoreTable], float] | None = None
    undefined: Callable[[ScoreTable], str | None] | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.key, str) and re.fullmatch(r"[A-Za-z0-9_]+", self.key)):
            raise ValueError(
                f"a metric has the key {self.key!r}: expected letters, digits and underscores"
            )

    def computed(self, table: ScoreTable) -> float | None:
        """The formula's value, also where it means nothing; None where the table has it not."""
        ratio = table.once(self.ratio)
        if ratio is None:
            return None
        return ratio.value() if self.exact is None else self.exact(table)

    def why_undefined(self, table: ScoreTable) -> str | None:
        """A sentence where the metric is undefined for a reason that it knows."""
        return None if self.undefined is None else self.undefined(table)


def share(
    key: str, help: str, fact: str, *, headline: bool = True, larger_is_better: bool = True
) -> Metric:
    """The mean of a fact over all images, in percent."""

    def ratio(table: ScoreTable) -> MeanOfRatios:
        from ..statistics.ratios import MeanOfRatios, Ratio

        return MeanOfRatios((Ratio(table.sums(fact), table.sums()),))

    return Metric(key, help, ratio, larger_is_better, headline)


def headline(metrics: Sequence[Metric]) -> list[str]:
    """The keys of those that tables have a column for."""
    return [metric.key for metric in metrics if metric.headline]


def why_undefined(metrics: Sequence[Metric], table: ScoreTable) -> dict[str, str]:
    """By key of a metric that is undefined for this table: the sentence on why."""
    reasons = ((metric.key, metric.why_undefined(table)) for metric in metrics)
    return {key: reason for key, reason in reasons if reason is not None}


def values(metrics: Sequence[Metric], table: ScoreTable) -> dict[str, float]:
    """The metrics that a table has, by key; NaN where undefined."""
    undefined = why_undefined(metrics, table)
    found = {
        metric.key: nan if metric.key in undefined else metric.computed(table) for metric in metrics
    }
    return {key: value for key, value in found.items() if value is not None}


def ratios(metrics: Sequence[Metric], table: ScoreTable) -> dict[str, MeanOfRatios]:
    """The same as ratios of sums by prompt, where they have some; 0 over 0 where undefined."""
    import numpy as np

    from ..statistics.ratios import MeanOfRatios, Ratio

    undefined = why_undefined(metrics, table)
    nothing = np.zeros(len(table.prompts))
    unknown = MeanOfRatios((Ratio(nothing, nothing),))
    found = {metric.key: table.once(metric.ratio) for metric in metrics}
    return {
        key: unknown if key in undefined else ratio
        for key, ratio in found.items()
        if ratio is not None
    }
