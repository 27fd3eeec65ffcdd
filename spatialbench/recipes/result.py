"""A recipe's rows as they were measured, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan

from ..errors import UserError
from ..plugins import Metric, ScoreTable
from ..plugins.metric import ratios
from ..reports.compare.pairing import Pairing, pair
from ..reports.scored import ScoredRun
from ..statistics.paired import Difference, paired_difference
from ..statistics.ratios import MeanOfRatios
from .checks import ClaimOf
from .format import Recipe
from .measured import MeasuredRow, Number
from .rows import Point
from .values import Value
from .verdicts import ClaimVerdict, Compared, claim_verdict, compared


@dataclass(frozen=True)
class ResultRow:
    """A row of the table.

    Attributes:
        point: the row of the recipe.
        measured: its runs; None where it could not be made.
        cannot: why, or None.
        differs: what differs from the paper's protocol in this row.
    """

    point: Point
    measured: MeasuredRow | None
    cannot: str | None
    differs: Sequence[str]

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.point.name

    @property
    def same_model(self) -> bool:
        """Whether it was made with the paper's backbone, so that values can agree."""
        return self.point.instead is None


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric of a row.

    Attributes:
        metric: its key.
        published: as printed, in percent; None where nothing is.
        measured: None where the row could not be made.
        compared: None where there is nothing to compare, or another model made the row.
    """

    metric: str
    published: Value | None
    measured: Number | None
    compared: Compared | None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """A claim and what the rows show.

    Attributes:
        claim: which row is said to beat which.
        published: the better row's published value minus the other's, in percentage points; NaN
            where one of them was not published.
        difference: the same as measured, paired; None where it cannot be taken.
        verdict: None where it cannot be tested.
        why: why not, or how the rows were paired where that is not by prompt and seed.
        images: how many pairs of images it rests on.
    """

    claim: ClaimOf
    published: float
    difference: Difference | None
    verdict: ClaimVerdict | None
    why: str = ""
    images: int = 0


@dataclass(frozen=True)
class Result:
    """A table made again.

    Attributes:
        name: of the recipe.
        recipe: as its file says.
        rows: in its order.
        columns: the keys of the metrics.
        metrics: every metric by key.
        stated: the claims that are tested.
        margin: percentage points within which a value agrees.
        backbone: what every row was made with instead of the paper's, or None.
        left_out: the names of rows that were not asked for.
    """

    name: str
    recipe: Recipe
    rows: Sequence[ResultRow]
    columns: Sequence[str]
    metrics: Mapping[str, Metric]
    stated: Sequence[ClaimOf]
    margin: float
    backbone: str | None = None
    left_out: Sequence[str] = ()

    def cells(self, row: ResultRow) -> Iterator[Cell]:
        """The metrics of a row that are published or measured, in the order of the columns."""
        for key in self.columns:
            published = row.point.published.get(key)
            number = None if row.measured is None else row.measured.number(key)
            if published is None and (number is None or not number.each):
                continue
            held = None
            if published is not None and row.measured is not None and number and row.same_model:
                ratio = row.measured.prompts / max(row.measured.paper, 1)
                rounding = row.point.rounding[key]
                held = compared(number, published, rounding, ratio, self.margin)
            yield Cell(key, published, number, held)

    @cached_property
    def claims(self) -> list[ClaimResult]:
        """What became of every claim, in order."""
        rows = {row.name: row for row in self.rows}
        return [
            self._claim(claim, rows[claim.better], rows[claim.worse])
            for claim in self.stated
            if claim.better in rows and claim.worse in rows
        ]

    @property
    def claims_left_out(self) -> int:
        """How many claims are about a row that was not asked for."""
        return len(self.stated) - len(self.claims)

    def _claim(self, claim: ClaimOf, better: ResultRow, worse: ResultRow) -> ClaimResult:
        key = claim.metric
        values = [row.point.published.get(key) for row in (better, worse)]
        published = nan
        if values[0] is not None and values[1] is not None:
            published = values[0].value - values[1].value
        if better.measured is None or worse.measured is None:
            absent = better if better.measured is None else worse
            return ClaimResult(claim, published, None, None, f"{absent.name} could not be made")
        if _same_runs(better.measured, worse.measured):
            with_what = self.backbone or better.point.backbone
            why = f"both rows are one and the same run with {with_what}"
            return ClaimResult(claim, published, None, None, why)
        try:
            found, paired = _difference(better.measured, worse.measured, key)
        except UserError as error:
            return ClaimResult(claim, published, None, None, str(error))
        images = sum(len(one.first_rows) for one in paired)
        if found is None:
            why = f"{key} is not defined in both rows"
            return ClaimResult(claim, published, None, None, why, images)
        told = (
            [] if all(one.same_seeds for one in paired) else ["paired by prompt: the seeds differ"]
        )
        runs = [len(row.measured.runs) for row in (better, worse) if row.measured]
        if len(paired) < max(runs):
            told.append(
                f"of the runs of {better.name} ({runs[0]}) and {worse.name} ({runs[1]}) "
                f"{len(paired)} could be paired"
            )
        why = "; ".join(told)
        larger = self.metrics[key].larger_is_better
        verdict = claim_verdict(found.low, found.high, larger)
        return ClaimResult(claim, published, found, verdict, why, images)


def _same_runs(one: MeasuredRow, other: MeasuredRow) -> bool:
    return len(one.runs) == len(other.runs) and all(
        a.run.path == b.run.path and a.result.rule == b.result.rule
        for a, b in zip(one.runs, other.runs, strict=True)
    )


def _alike(better: MeasuredRow, worse: MeasuredRow) -> list[tuple[ScoredRun, ScoredRun]]:
    """The runs of two rows in pairs of the same seeds; in their order where they have none."""
    seeds = {run.run.expected.seeds: run for run in worse.runs}
    same = [(seeds[s], run) for run in better.runs if (s := run.run.expected.seeds) in seeds]
    return same or list(zip(worse.runs, better.runs, strict=False))


def _difference(
    better: MeasuredRow, worse: MeasuredRow, key: str
) -> tuple[Difference | None, list[Pairing]]:
    """The better row minus the other; of several runs the mean, each paired with that of its seeds.

    Raises:
        UserError: no shared image, or rules whose numbers mean different things.
    """
    metrics = worse.runs[0].metrics
    paired = [pair(a, b) for a, b in _alike(better, worse)]
    prompts = [[prompt.id for prompt in one.first.prompts] for one in paired]
    if any(one != prompts[0] for one in prompts):
        paired = paired[:1]
    clusters = worse.runs[0].benchmark.clusters(paired[0].first.prompts)
    sides = [
        _mean([getattr(one, side) for one in paired], metrics, key) for side in ("first", "second")
    ]
    if sides[0] is None or sides[1] is None:
        return None, paired
    found = paired_difference({key: sides[0]}, {key: sides[1]}, clusters)[key]
    return (None if found.value != found.value else found), paired


def _mean(tables: Sequence[ScoreTable], metrics: Sequence[Metric], key: str) -> MeanOfRatios | None:
    """A metric as its mean over runs of the same prompts."""
    found = [ratios(metrics, table).get(key) for table in tables]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return None
    return MeanOfRatios([part for one in known for part in one.parts], known[0].scale)
