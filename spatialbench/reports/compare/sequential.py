"""Two runs compared while the second one is being made: looks at fixed shares of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import UserError, unknown_name
from ...files.shown_text import counted
from ...plugins.metric import headline, ratios
from ...runs.conditions import Conditions
from ...scoring.verdicts import take_rows
from ...statistics.looks import Look, first_prompts, looks
from ...statistics.spending import LOOKS, look_sizes
from ..cells import plain_cell
from ..gate.verdicts import asked_first
from ..records import Choice
from ..report import Report
from ..scored import ScoredRun
from ..tables import Table
from .pairing import refuse_other_prompts
from .report import difference_cell, p_cell


@dataclass(frozen=True)
class Seen:
    """One look, with the metric of both runs over its images, in percent."""

    look: Look
    first: float
    second: float
    images: int


@dataclass(frozen=True)
class Sequential:
    """A comparison in looks.

    Attributes:
        reference: the run whose prompts are the plan.
        other: the run that may have fewer of them so far.
        metric: the one that is compared.
        seen: the looks that were made, up to the one that stopped.
        plan: prompts at each look.
        confidence: of the plan as a whole.
    """

    reference: ScoredRun
    other: ScoredRun
    metric: str
    seen: Sequence[Seen]
    plan: Sequence[int]
    confidence: float

    @property
    def found(self) -> bool:
        """Whether a look found a difference."""
        return bool(self.seen) and self.seen[-1].look.crossed(self.metric)

    @property
    def decided(self) -> bool:
        """Whether no further image is needed."""
        return self.found or len(self.seen) == len(self.plan)

    @property
    def saved(self) -> int:
        """Images of the plan that were not needed; 0 before the answer."""
        if not self.decided:
            return 0
        images = self.other.run.expected.images_per_prompt
        return (self.plan[-1] - self.plan[len(self.seen) - 1]) * images

    def sentence(self) -> str:
        """The answer, and at which look it came."""
        looks, made = len(self.plan), len(self.seen)
        images = self.other.run.expected.images_per_prompt
        if not self.decided:
            following = self.plan[made]
            so_far = f"no difference found in {made} of {looks} looks" if made else "no look yet"
            return (
                f"{so_far}: the next one is at {following:,} prompts ({following * images:,} "
                f"images); go on with --limit {following}"
            )
        what = "a difference was found" if self.found else "no difference was found"
        saved = f"{self.saved:,} images need not be made" if self.saved else "none was saved"
        return (
            f"{what} at look {made} of {looks}, with {self.plan[made - 1] * images:,} of "
            f"{counted(self.plan[-1] * images, 'image')}: {saved}"
        )

    def report(self) -> Report:
        """The looks as a table and as a document."""
        rows, records = [], []
        for one in self.seen:
            look, found = one.look, one.look.differences[self.metric]
            level = look.levels[self.metric]
            shown = [p_cell(found.p), "<0.0001" if level < 1e-4 else f"{level:.4f}"]
            values = [plain_cell(one.first), plain_cell(one.second), difference_cell(found)]
            rows.append([f"{look.number}", f"{look.prompts:,}", f"{one.images:,}", *values, *shown])
            records.append(
                [
                    *(look.number, look.prompts, one.images, one.first, one.second),
                    *(found.value, found.low, found.high, found.p, level),
                ]
            )
        names = ["look", "prompts", "images", "reference", "run"]
        names += ["difference", "low", "high", "p", "level"]
        notes = [
            self.sentence(),
            f"{self.metric} decides alone; p at or below the level of its look stops, and all "
            "looks together find a difference where there is none in "
            f"{100 * (1 - self.confidence):.3g} % of comparisons; the interval holds over all of "
            "them",
        ]
        signatures = [
            f"A: {self.reference.result.signature}",
            f"B: {self.other.result.signature}",
        ]
        title = f"{self.metric}, looked at {counted(len(self.plan), 'time')}: "
        title += f"A = {self.reference.label}, B = {self.other.label}"
        columns = ["look", "prompts", "images", "A", "B", "B − A", "p", "level"]
        document: dict[str, Any] = {
            "reference": str(self.reference.run.path),
            "run": str(self.other.run.path),
            "metric": self.metric,
            "confidence": self.confidence,
            "plan": list(self.plan),
            "decided": self.decided,
            "found": self.found,
            "saved": self.saved,
            "looks": [dict(zip(names, record, strict=True)) for record in records],
        }
        smaller = frozenset({"p"})
        table = Table(columns, rows, title, notes, signatures=signatures, smaller=smaller)
        meant = {"A": ["reference"], "B": ["run"], "B − A": ["difference", "low", "high"]}
        choice = Choice("look", ("look",), stands_for=meant, smaller=smaller)
        return Report([table], document, (names, records), choice)


def sequential(
    reference: ScoredRun,
    other: ScoredRun,
    metric: str | None = None,
    confidence: float = 0.95,
) -> Sequential:
    """Compare a run with the reference at each fifth of the reference's prompts.

    Args:
        other: of the same prompts, or of the first of them.
        metric: the one that decides; None for the share of right images, or the first of the table
            where none is that.
        confidence: that no look finds a difference where there is none.

    Raises:
        UserError: a reference that is not finished; other seeds, prompts or conditions; more
            prompts than the reference has; an unknown metric.
    """
    refuse_other_prompts(reference, other)
    _same_plan(reference, other)
    shared = min(reference.whole_prompts, other.whole_prompts)
    images = other.run.expected.images_per_prompt
    rows = np.arange(shared * images)
    tables = [take_rows(run.table, rows) for run in (reference, other)]
    of_runs = [ratios(reference.metrics, table) for table in tables]
    known = list(ratios(reference.metrics, reference.table))
    key = metric or asked_first(reference, [k for k in headline(reference.metrics) if k in known])
    if key not in known:
        raise unknown_name("metric", key, known)
    whole = len(reference.run.expected.prompts)
    seen: list[Seen] = []
    if shared:
        one, two = ({key: run[key]} for run in of_runs)
        clusters = reference.benchmark.clusters(tables[0].prompts)
        for look in looks(one, two, clusters, whole, alphas={key: 1 - confidence}):
            first, second = (first_prompts(run[key], look.prompts).value() for run in (one, two))
            seen.append(Seen(look, first, second, look.prompts * images))
            if look.crossed(key):
                break
    return Sequential(reference, other, key, seen, look_sizes(whole, LOOKS), confidence)


def _same_plan(reference: ScoredRun, other: ScoredRun) -> None:
    """Refuse whatever makes looking early invalid."""
    there, here = reference.run.expected, other.run.expected
    if reference.result.partial:
        raise UserError(
            f"{reference.run.path} is partial ({reference.result.images:,} of "
            f"{reference.result.images_expected:,} images), and its prompts are the plan: finish "
            "it first, or leave out --sequential."
        )
    if not here.seeds.known or here.seeds != there.seeds:
        raise UserError(
            f"looking early needs the same seeds in both runs, and they are {there.seeds} and "
            f"{here.seeds}: leave out --sequential."
        )
    for one in Conditions.of(other.signature).differences(Conditions.of(reference.signature)):
        if one.name != "prompts":
            raise UserError(
                f"looking early needs the same conditions in both runs: {one.name} is {one.own}, "
                f"and {one.other} in the reference; leave out --sequential."
            )
    if len(here.prompts) > len(there.prompts):
        raise UserError(
            f"{other.run.path} has {len(here.prompts):,} prompts, and the plan ends with the "
            f"{len(there.prompts):,} of {reference.run.path}: more images than planned make no "
            "valid test; make the reference as large first, or leave out --sequential."
        )
    if [p.id for p in there.prompts[: len(here.prompts)]] != [p.id for p in here.prompts]:
        raise UserError(
            f"{other.run.path} has another selection than the first prompts of "
            f"{reference.run.path}: give both the same --only."
        )
