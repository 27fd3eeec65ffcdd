"""What was measured of one row: a run, or a run for each of its seed schemes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import nan
from statistics import fmean, stdev

from ..plugins.metric import ratios
from ..reports.scored import ScoredRun
from ..statistics.bootstrap import intervals
from ..statistics.ratios import MeanOfRatios


@dataclass(frozen=True, slots=True)
class Number:
    """A metric of a row, in percent.

    Attributes:
        value: the mean over the runs; NaN where it is undefined in one of them.
        low: lower end of the 95 % interval of that mean; NaN where there is none.
        high: upper end.
        spread: standard deviation between runs of different seeds; NaN for one run.
        each: the value of each run.
        reason: why it is undefined, where that is known.
    """

    value: float
    low: float = nan
    high: float = nan
    spread: float = nan
    each: tuple[float, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class MeasuredRow:
    """The runs of a row.

    Attributes:
        runs: scored, in the order of the seed schemes; at least one.
        paper: how many prompts the recipe has the row measured on.
    """

    runs: Sequence[ScoredRun]
    paper: int
    _numbers: dict[str, Number] = field(default_factory=dict, repr=False, compare=False)

    @property
    def prompts(self) -> int:
        """How many prompts it was measured on, of the run that has the fewest."""
        return min(run.result.prompts for run in self.runs)

    @property
    def images(self) -> str:
        """``200``, or ``198/200`` where some are missing; of all runs together."""
        found = sum(run.result.images for run in self.runs)
        asked = sum(run.result.images_expected for run in self.runs)
        return f"{found:,}" if found == asked else f"{found:,}/{asked:,}"

    @property
    def partial(self) -> bool:
        """Whether images are missing."""
        return any(run.result.partial for run in self.runs)

    def number(self, key: str) -> Number:
        """A metric of the row; NaN where its rule does not have it."""
        if key not in self._numbers:
            self._numbers[key] = self._number(key)
        return self._numbers[key]

    def _number(self, key: str) -> Number:
        results = [run.result for run in self.runs]
        reason = next((r.reasons[key] for r in results if key in r.reasons), "")
        if any(key not in result.metrics for result in results):
            return Number(nan, reason=f"{results[0].rule} does not give it")
        each = tuple(result.metric(key) for result in results)
        ends = [result.interval(key) for result in results]
        lows, highs = [e[0] for e in ends], [e[1] for e in ends]
        # Where nothing else is known the runs may all err alike, having the same prompts.
        low = nan if None in lows else fmean(one for one in lows if one is not None)
        high = nan if None in highs else fmean(one for one in highs if one is not None)
        if len(each) == 1:
            return Number(each[0], low, high, nan, each, reason)
        value = fmean(each)
        together = self._together(key)
        if together is not None:
            low, high = together
        return Number(value, low, high, stdev(each), each, reason)

    def _together(self, key: str) -> tuple[float, float] | None:
        """The interval of the mean over runs of the same prompts, clusters drawn for all at once.

        None where the runs have different prompts, or resampling says nothing.
        """
        tables = [run.table for run in self.runs]
        prompts = [[prompt.id for prompt in table.prompts] for table in tables]
        if any(one != prompts[0] for one in prompts):
            return None
        found = [ratios(run.metrics, run.table).get(key) for run in self.runs]
        known = [one for one in found if one is not None]
        if len(known) < len(found) or len({one.scale for one in known}) > 1:
            return None
        mean = MeanOfRatios([part for one in known for part in one.parts], known[0].scale)
        clusters = self.runs[0].benchmark.clusters(tables[0].prompts)
        low, high = intervals({key: mean}, clusters)[key]
        return (low, high) if low < high else None
