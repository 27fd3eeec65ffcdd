"""A scored run with its verdicts in memory: what comparing, gating and looking start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from ..errors import UserError, typed
from ..plugins import Benchmark, Metric, Rule, ScoreTable
from ..plugins.metric import headline, why_undefined
from ..runs.opening import Run
from ..runs.signature import Signature
from ..scoring.rules.catalogue import bound, metrics_of, named
from ..scoring.scores_file import read_table, scores_hash
from ..scoring.summary import Group, Summary
from ..scoring.verdicts import by_task
from .marks import marked
from .naming import labelled, row_names
from .results import read_summary

Numbers = TypeVar("Numbers", bound=Group)


@dataclass(frozen=True)
class ScoredRun:
    """A run, its summary and its verdicts.

    Attributes:
        run: the run directory and what is expected in it.
        result: its summary.
        table: its verdicts, one row per judged image, in run order.
        reasons: the sentence of each row.
        called: what a table calls the run; None for its own name, or the method's.
    """

    run: Run
    result: Summary
    table: ScoreTable
    reasons: list[str]
    called: str | None = None

    @property
    def benchmark(self) -> Benchmark:
        """The plug-in whose prompts these are."""
        return self.run.expected.benchmark

    @cached_property
    def metrics(self) -> Sequence[Metric]:
        """Those of the rule that judged."""
        return metrics_of(self.benchmark, self.result.rule)

    @property
    def headline(self) -> list[str]:
        """The keys of the table's columns."""
        return headline(self.metrics)

    @property
    def whole_prompts(self) -> int:
        """How many prompts, from the first of the run order on, have every image judged."""
        counts = self.table.sums()
        for place, prompt in enumerate(self.run.expected.prompts):
            there = place < len(counts) and self.table.prompts[place].id == prompt.id
            if not there or counts[place] < self.run.expected.images_per_prompt:
                return place
        return len(self.run.expected.prompts)

    def rule(self) -> Rule | None:
        """The rule that judged; None where it is not known here, such as with other depth maps."""
        expected, name = self.run.expected, self.result.rule
        known = list(self.benchmark.rules.values())
        if (made := named(self.benchmark, expected.subset, name)) is not None:
            known.append(bound(made, self.run.path, expected.all_prompts))
        return next((rule for rule in known if rule.name == name), None)

    @property
    def signature(self) -> Signature:
        """How the numbers were made."""
        return Signature.parse(self.result.signature)

    @property
    def label(self) -> str:
        """``infsplign [c] on lab@0123456``, or with another name; see ``naming``."""
        return f"{marked(self.result, self.name)} on {self.result.backbone}"

    @property
    def name(self) -> str:
        """What a table calls the run."""
        return self.called or self.run.manifest.name or self.result.method


def told_apart(
    runs: Sequence[ScoredRun], labels: Mapping[str, str] | None = None
) -> list[ScoredRun]:
    """The runs of one table, each with a name of its own.

    Args:
        labels: what to call some of them, by their directory or id.

    Raises:
        UserError: a label for none of them.
    """
    given = labelled({one.run.path: one.run.manifest.id for one in runs}, labels or {})
    rows = [(given.get(one.run.path) or one.run.manifest.name, one.result) for one in runs]
    return [replace(one, called=name) for one, name in zip(runs, row_names(rows), strict=True)]


def load_scored(run: Run) -> ScoredRun:
    """Read the summary and the verdicts of a run.

    Raises:
        UserError: not scored yet, damaged files, verdicts that are not those of the summary, or a
            run that has come to expect more images since it was scored.
    """
    result = read_summary(run.path)
    prompts = {prompt.id: prompt for prompt in run.expected.all_prompts}
    known = result.scores_sha256
    if known is not None and known != scores_hash(run.directory.scores):
        raise UserError(
            f"{run.directory.scores} is not the file that {run.path}/summary.json was written with "
            f"(it is missing, damaged or older): type '{typed('score', run.path)}'."
        )
    table, reasons = read_table(run.directory.scores, prompts)
    if len(reasons) != result.images or result.images_expected != run.expected.images:
        raise UserError(
            f"{run.path} was scored with {result.images:,} of {result.images_expected:,} images; "
            f"its verdicts hold {len(reasons):,} and the run now expects "
            f"{run.expected.images:,}: type '{typed('score', run.path)}' first."
        )
    return ScoredRun(run, result, table, reasons)


def load_whole(run: Run) -> ScoredRun:
    """As ``load_scored``, of a run that was opened with all of its images.

    Raises:
        UserError: as ``load_scored``; or a part of the run alone.
    """
    if run.is_part:
        raise UserError(
            f"{run.path} is of more images than these: type '{typed('score', run.path)}' first."
        )
    return load_scored(run)


def without_undefined(run: Run) -> Summary:
    """The summary of a run of an earlier version, None for what is undefined, with the reasons.

    Raises:
        UserError: as ``load_scored``.
    """
    scored = load_scored(run)
    tasks = by_task(scored.table)
    groups = {
        name: _without(scored.metrics, tasks[name], group) if name in tasks else group
        for name, group in scored.result.groups.items()
    }
    whole = _without(scored.metrics, scored.table, scored.result)
    return whole.model_copy(update={"groups": groups})


def _without(metrics: Sequence[Metric], table: ScoreTable, group: Numbers) -> Numbers:
    undefined = why_undefined(metrics, table)
    own = {key: f"undefined: {why}" for key, why in undefined.items() if key in group.metrics}
    changes = {
        "metrics": {**group.metrics, **dict.fromkeys(own)},
        "intervals": {**group.intervals, **dict.fromkeys(own, (None, None))},
        "reasons": own,
    }
    return group.model_copy(update=changes)


def is_copy(one: ScoredRun, other: ScoredRun) -> bool:
    """Whether two folders hold the same run, whose id is in the signature, with one score."""
    return one.result == other.result
