"""Two that judged the same images: how often they agree, and where they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from ..errors import UserError
from ..plugins import Benchmark, Metric, ScoreTable, share
from ..plugins.metric import ratios, values
from ..runs.opening import Run
from ..scoring.summary import Group, Summary
from ..scoring.verdicts import by_task
from ..statistics.agreement import Agreement, Bounds
from ..statistics.bootstrap import intervals
from .cells import INTERVAL_NOTE, metric_cell
from .compare.comparison import ALL, Comparison, compare
from .report import Report
from .scored import ScoredRun
from .tables import Table

RIGHT = share("right", "images judged right", "correct")
"""What both sides have, whatever their rules measure."""


@dataclass(frozen=True)
class Opinion(ScoredRun):
    """What one of the two made of the images: its verdicts, without what its rule measures."""

    @classmethod
    def of(
        cls, run: Run, summary: Summary, table: ScoreTable, reasons: list[str], who: str
    ) -> Opinion:
        """Verdicts on the images of a run; ``who`` is a model's signature, or a file."""
        benchmark = run.expected.benchmark
        whole = _right(benchmark, table)
        numbers = {
            "metrics": whole.metrics,
            "intervals": whole.intervals,
            "groups": {task: _right(benchmark, part) for task, part in by_task(table).items()},
            "breakdowns": {},
        }
        return cls(run, summary.model_copy(update=numbers), table, reasons, who)

    @property
    def metrics(self) -> Sequence[Metric]:
        """The share of right images."""
        return (RIGHT,)

    @property
    def name(self) -> str:
        """Who judged."""
        return self.called or self.result.detector

    @property
    def label(self) -> str:
        """Who judged, by which rule."""
        return f"{self.name} by {self.result.rule} at {self.result.threshold:g}"


@dataclass(frozen=True)
class Agreed:
    """Two opinions on the images that both judged.

    Attributes:
        sides: the first and the second.
        comparison: image by image; its flips are the images on which they differ.
        groups: counts, rate and kappa under ``all`` and each task.
        confidence: of the intervals.
    """

    sides: tuple[Opinion, Opinion]
    comparison: Comparison
    groups: Mapping[str, Agreement]
    confidence: float

    @property
    def notes(self) -> list[str]:
        """Who A and B are, and what is left out."""
        found = [f"{letter}: {side.label}" for letter, side in zip("AB", self.sides, strict=True)]
        pairing = self.comparison.pairing
        if pairing.only_first or pairing.only_second:
            found.append(
                f"ONLY IN PART: of the images that both judged; {pairing.only_first:,} were judged "
                f"by A alone and {pairing.only_second:,} by B alone"
            )
        return found


def agree(
    first: Opinion,
    second: Opinion,
    resamples: int = 2000,
    confidence: float = 0.95,
    *,
    common_only: bool = False,
) -> Agreed:
    """How often two opinions on the same images agree, by task of the prompt, and over all.

    Args:
        resamples: of the bootstrap over the benchmark's clusters of prompts.
        confidence: of the intervals.
        common_only: leave out images that only one of them judged; they are counted.

    Raises:
        UserError: images that only one of them judged, or none that both did.
    """
    comparison = compare(first, [second], resamples, confidence, other_prompts=True, any_rule=True)[
        0
    ]
    pairing = comparison.pairing
    alone = pairing.only_first + pairing.only_second
    if alone and not common_only:
        total = alone + len(pairing.first.index)
        raise UserError(
            f"{alone:,} of {total:,} images were judged by only one of {first.name} and "
            f"{second.name}: let the other look at them too, or give --common-only to leave them "
            "out."
        )
    tables = {ALL: (pairing.first, pairing.second)}
    others = by_task(pairing.second)
    tables |= {task: (part, others[task]) for task, part in by_task(pairing.first).items()}
    benchmark = first.benchmark
    groups = {
        name: _agreement(benchmark, *pair, resamples, confidence) for name, pair in tables.items()
    }
    found = Agreed((first, second), comparison, groups, confidence)
    told = replace(comparison, pairing=replace(pairing, notes=tuple(found.notes)))
    return replace(found, comparison=told)


def agreement_report(found: Agreed, flips: int = 0) -> Report:
    """One row per task, the whole first, rates in percent; then images on which they differ.

    Args:
        flips: how many of those to list.
    """
    columns = ("task", "images", "agree", "kappa", "both", "A", "B", "none")
    rows = [
        [
            task,
            f"{one.count:,}",
            *(metric_cell(_numbers(one), key) for key in ("agree", "kappa")),
            *(f"{n:,}" for n in (one.both, one.only_first, one.only_second, one.neither)),
        ]
        for task, one in found.groups.items()
    ]
    notes = (
        *found.notes,
        "agree: images that both judge right or both judge wrong, in percent; kappa: Cohen's",
        "both, A, B, none: images judged right by both, by one alone, by none",
        INTERVAL_NOTE.replace("95", f"{100 * found.confidence:g}"),
    )
    tables = [Table(columns, rows, "Agreement on the same images", notes)]
    if flips and found.comparison.flips:
        tables.append(_differing(found.comparison, flips))
    return Report(tables, _document(found), (_RECORD, _records(found)))


_RECORD = (
    "task", "images", "agree", "agree_low", "agree_high", "kappa", "kappa_low", "kappa_high",
    "both", "only_first", "only_second", "neither",
)  # fmt: skip


def _records(found: Agreed) -> list[list[object]]:
    return [
        [
            task,
            one.count,
            100 * one.rate,
            *(100 * end for end in one.rate_interval),
            one.kappa,
            *one.kappa_interval,
            *(one.both, one.only_first, one.only_second, one.neither),
        ]
        for task, one in found.groups.items()
    ]


def _document(found: Agreed) -> dict[str, object]:
    return {
        "between": [
            {
                "who": side.name,
                "rule": side.result.rule,
                "threshold": side.result.threshold,
            }
            for side in found.sides
        ],
        "confidence": found.confidence,
        "only_first_judged": found.comparison.pairing.only_first,
        "only_second_judged": found.comparison.pairing.only_second,
        "tasks": {row[0]: dict(zip(_RECORD[1:], row[1:], strict=True)) for row in _records(found)},
        "differ": [
            {
                "prompt_id": flip.prompt.id,
                "index": flip.index,
                "right_by": "second" if flip.gained else "first",
            }
            for flip in found.comparison.flips
        ],
    }


def _differing(comparison: Comparison, most: int) -> Table:
    shown = comparison.flips[:most]
    rows = [
        [
            f"{flip.prompt.id}/{flip.index}",
            "B" if flip.gained else "A",
            flip.prompt.text,
            flip.before,
            flip.after,
        ]
        for flip in shown
    ]
    title = f"Images on which they differ: {len(shown):,} of {len(comparison.flips):,}"
    return Table(("image", "right by", "prompt", "A says", "B says"), rows, title)


def _shown(images: int, numbers: Mapping[str, float], bounds: Mapping[str, Bounds]) -> Group:
    """Numbers without what is undefined or unknown, as a summary has them."""
    known = {key: (low, high) for key, (low, high) in bounds.items() if not isnan(low)}
    metrics = {key: None if isnan(value) else value for key, value in numbers.items()}
    return Group(images=images, metrics=metrics, intervals={**known})


def _numbers(one: Agreement) -> Group:
    low, high = one.rate_interval
    bounds = {"agree": (100 * low, 100 * high), "kappa": one.kappa_interval}
    return _shown(one.count, {"agree": 100 * one.rate, "kappa": one.kappa}, bounds)


def _agreement(
    benchmark: Benchmark, first: ScoreTable, second: ScoreTable, resamples: int, confidence: float
) -> Agreement:
    clusters = benchmark.clusters(first.prompts)
    a, b = (table.columns["correct"].astype(np.bool_) for table in (first, second))
    by_image = [clusters[row] for row in first.prompt_row.tolist()]
    return Agreement.of_clusters(a, b, by_image, resamples, confidence)


def _right(benchmark: Benchmark, table: ScoreTable) -> Group:
    """The share of right images."""
    bounds = intervals(ratios((RIGHT,), table), benchmark.clusters(table.prompts))
    return _shown(len(table.index), values((RIGHT,), table), bounds)
