"""Pass, regression, or no answer: the decision of a gate, metric by metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import isnan, nan

from ...plugins import ScoreTable
from ...stages.verdicts import by_task
from ...statistics.bootstrap import intervals
from ..scored import ScoredRun
from .file import MEASUREMENT, GateFile, Window


class Answer(Enum):
    """What a gate says; the value is the exit status."""

    PASS = 0
    REGRESSION = 1
    CANNOT_TELL = 2


@dataclass(frozen=True, slots=True)
class Check:
    """One metric of one group against its window, all in percent.

    Attributes:
        group: ``all`` or a task.
        metric: the key.
        window: what was expected.
        value: what the run shows; NaN where it is undefined.
        low: lower end of the run's interval at the file's confidence.
        high: upper end.
        answer: the decision.
        reason: a sentence for it.
    """

    group: str
    metric: str
    window: Window
    value: float
    low: float
    high: float
    answer: Answer
    reason: str

    @property
    def name(self) -> str:
        """``VISOR_cond`` or ``left: VISOR_cond``."""
        return self.metric if self.group == "all" else f"{self.group}: {self.metric}"


@dataclass(frozen=True)
class Decision:
    """A gate's answer for a run.

    ``obstacles`` are the reasons why the run as a whole decides nothing; ``notes`` say what
    differs without standing in the way.
    """

    scored: ScoredRun
    gate: GateFile
    answer: Answer
    checks: Sequence[Check]
    obstacles: Sequence[str]
    notes: Sequence[str]


def decide(scored: ScoredRun, gate: GateFile) -> Decision:
    """Hold a run to a gate file.

    A metric passes when its value lies in the window. Outside, it is a regression when its whole
    interval lies outside too; when the interval still reaches into the window, these images
    cannot tell. A run that is partial, was measured otherwise or is too small decides nothing.
    """
    obstacles = [*_incomplete(scored, gate), *_other_signature(scored, gate)]
    checks = _checks(scored, gate)
    answers = {check.answer for check in checks}
    if obstacles:
        answer = Answer.CANNOT_TELL
    elif Answer.REGRESSION in answers:
        answer = Answer.REGRESSION
    elif Answer.CANNOT_TELL in answers:
        answer = Answer.CANNOT_TELL
    else:
        answer = Answer.PASS
    return Decision(scored, gate, answer, checks, obstacles, _notes(scored, gate))


def _incomplete(scored: ScoredRun, gate: GateFile) -> list[str]:
    result = scored.result
    found = []
    if result.partial:
        found.append(f"the run is partial: {result.images:,} of {result.images_expected:,} images")
    if result.images < gate.min_images:
        found.append(f"too few images: {result.images:,}, the gate asks for {gate.min_images:,}")
    return found


def _other_signature(scored: ScoredRun, gate: GateFile) -> list[str]:
    there, here = gate.measured, scored.signature
    return [
        f"other signature: {name} is {_shown(getattr(here, name))}, the gate was written with "
        f"{_shown(getattr(there, name))}"
        for name in (*MEASUREMENT, *gate.also)
        if getattr(there, name) != getattr(here, name)
    ]


def _notes(scored: ScoredRun, gate: GateFile) -> list[str]:
    there, here = gate.measured, scored.signature
    return [
        f"{name} is {_shown(getattr(here, name))} (the gate was written with "
        f"{_shown(getattr(there, name))})"
        for name in ("method", "parameters", "base", "software")
        if name not in gate.also and getattr(there, name) != getattr(here, name)
    ]


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "none"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "everything"
    return "the default" if value is None else str(value)


def _checks(scored: ScoredRun, gate: GateFile) -> list[Check]:
    tasks = by_task(scored.table) if gate.groups else {}
    checks = _group(scored, "all", scored.table, gate.metrics, gate.confidence)
    for name, windows in gate.groups.items():
        checks += _group(scored, name, tasks.get(name), windows, gate.confidence)
    return checks


def _group(
    scored: ScoredRun,
    name: str,
    table: ScoreTable | None,
    windows: dict[str, Window],
    confidence: float,
) -> list[Check]:
    if table is None:
        reason = f"the run has no images of {name}"
        return [
            Check(name, key, window, nan, nan, nan, Answer.CANNOT_TELL, reason)
            for key, window in windows.items()
        ]
    benchmark = scored.benchmark
    values = benchmark.metrics(table)
    ratios = {key: ratio for key, ratio in benchmark.ratios(table).items() if key in windows}
    bounds = intervals(ratios, benchmark.clusters(table.prompts), confidence=confidence)
    return [
        _check(name, key, window, values.get(key, nan), *bounds.get(key, (nan, nan)))
        for key, window in windows.items()
    ]


def _check(group: str, key: str, window: Window, value: float, low: float, high: float) -> Check:
    if isnan(value):
        answer, reason = Answer.CANNOT_TELL, "undefined for this run"
    elif window.low <= value <= window.high:
        answer, reason = Answer.PASS, "inside the window"
    elif isnan(low) or isnan(high):
        answer, reason = Answer.CANNOT_TELL, "outside the window, and without an interval"
    elif low > window.high or high < window.low:
        side = "above" if low > window.high else "below"
        answer, reason = Answer.REGRESSION, f"{side} the window with its whole interval"
    else:
        answer = Answer.CANNOT_TELL
        reason = "outside the window, but its interval reaches in: more images would tell"
    return Check(group, key, window, value, low, high, answer, reason)
