"""Is the difference between runs more than chance?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .run import Run, load_run

if TYPE_CHECKING:
    from ..reports.compare.comparison import Comparison as Pair
    from ..reports.compare.comparison import Flip, MetricChange
    from ..reports.compare.sequential import Sequential
    from ..reports.report import Form

FEWEST = 2
"""Runs that can be compared."""


@dataclass(frozen=True)
class Comparison:
    """Runs held to a reference, image by image.

    Attributes:
        pairs: the reference with each of the others, in their order.
        headline: keys of the metrics that a table shows.
        confidence: of the intervals.
    """

    pairs: Sequence[Pair]
    headline: Sequence[str]
    confidence: float

    @property
    def metrics(self) -> Mapping[str, MetricChange]:
        """By key what changed from the reference to the first other run, over all images."""
        return self.pairs[0].groups["all"]

    @property
    def flips(self) -> Sequence[Flip]:
        """Images that are right in one of these two runs only."""
        return self.pairs[0].flips

    def sequential(self, metric: str | None = None) -> Sequential:
        """The same two runs in five looks; see ``spatialbench compare --sequential``."""
        from ..reports.compare.sequential import sequential

        pair = self.pairs[0]
        return sequential(pair.reference, pair.other, metric, self.confidence)

    def table(self, form: Form = "table", flips: int = 20) -> str:
        """The table of ``spatialbench compare``, with so many of the images that changed."""
        from ..reports.compare.report import comparison_report

        return comparison_report(self.pairs, flips, self.confidence).text(form)


def compare(
    *runs: Run | str | Path,
    resamples: int = 2000,
    confidence: float = 0.95,
    other_prompts: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare scored runs with the first one, each on the images that it shares with it.

    Args:
        runs: the reference, then at least one other; each a run or its directory.
        resamples: of the bootstrap and of the permutation test.
        confidence: of the intervals; p-values are two-sided, and corrected over several runs.
        other_prompts: compare also runs whose prompts were rewritten differently.
        labels: what to call runs, by their directory or id; None for their own names.

    Raises:
        UserError: no other run, runs of different benchmarks, or without a shared image; runs of
            which one was made from other prompts; a label for none of them.
    """
    from ..errors import UserError
    from ..reports.compare.comparison import compare as compared
    from ..reports.scored import told_apart

    if len(runs) < FEWEST:
        raise UserError(
            "there is nothing to compare: name a reference and at least one other run, as in "
            "'spatialbench compare runs/reference runs/other'."
        )
    first, *rest = [(run if isinstance(run, Run) else load_run(run)).scored() for run in runs]
    first, *rest = told_apart([first, *rest], labels)
    pairs = compared(first, rest, resamples, confidence, other_prompts=other_prompts)
    return Comparison(pairs, first.headline, confidence)


def compare_in_looks(
    *runs: str | Path,
    metric: str | None = None,
    confidence: float = 0.95,
    labels: Mapping[str, str] | None = None,
) -> Sequential:
    """A run against the reference at each fifth of its prompts.

    Raises:
        UserError: any other number of runs than two; what makes looking early invalid.
    """
    from ..errors import UserError
    from ..reports.compare.sequential import sequential
    from ..reports.scored import told_apart

    if len(runs) != FEWEST:
        raise UserError("--sequential compares one run with its reference: name two runs.")
    first, second = told_apart([load_run(run).scored() for run in runs], labels)
    return sequential(first, second, metric, confidence)
