"""Pass, regression, or no answer: the decision of a gate, metric by metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import isnan, nan

from ...errors import unknown_name
from ...plugins import ScoreTable
from ...plugins.metric import ratios, values, why_undefined
from ...runs.conditions import Conditions, Difference
from ...scoring.verdicts import by_task
from ...statistics.bootstrap import intervals
from ..scored import ScoredRun
from .changes import Change
from .file import GateFile, Window
from .paired import PairedTest, paired_test


class Answer(Enum):
    """What a gate says; the worst one first, as a report lists them."""

    REGRESSION = "regression"
    ABOVE_THE_WINDOW = "above_the_window"
    BELOW_THE_WINDOW = "below_the_window"
    CANNOT_TELL = "cannot_tell"
    PASS = "pass"

    @property
    def status(self) -> int:
        """The exit status: 0 pass, 1 outside a window, 2 cannot tell."""
        return {Answer.PASS: 0, Answer.CANNOT_TELL: 2}.get(self, 1)

    @property
    def failed(self) -> bool:
        """Whether a value lies outside its window for certain."""
        return self.status == 1


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
        change: from the reference on the same images, where the test was paired.
    """

    group: str
    metric: str
    window: Window
    value: float
    low: float
    high: float
    answer: Answer
    reason: str
    change: Change | None = None

    @property
    def name(self) -> str:
        """``VISOR_cond`` or ``left: VISOR_cond``."""
        return self.metric if self.group == "all" else f"{self.group}: {self.metric}"

    @property
    def place(self) -> tuple[str, str]:
        """Group and metric."""
        return self.group, self.metric


@dataclass(frozen=True)
class Decision:
    """A gate's answer for a run.

    ``obstacles`` are the reasons why the run as a whole decides nothing; ``notes`` say what
    differs without standing in the way. ``test`` is the paired one, or why there is none.
    """

    scored: ScoredRun
    gate: GateFile
    answer: Answer
    checks: Sequence[Check]
    obstacles: Sequence[str]
    notes: Sequence[str]
    test: PairedTest | str = ""


def decide(scored: ScoredRun, gate: GateFile, *, sequential: bool = False) -> Decision:
    """Hold a run to a gate file.

    Where the file has the reference's verdicts and the run's seeds and prompts are those, a metric
    that is worse on the same images is a regression (see ``paired``), and windows are the absolute
    limits beside that; elsewhere windows alone decide.

    A metric passes when its value lies in the window. Below, it is a regression when its whole
    interval lies below too, and above likewise a gain that the window does not expect; the other
    way round where smaller is better. When the interval still reaches into the window, or touches
    it, these images cannot tell. A run that is partial, was measured otherwise or is too small
    decides nothing, whatever its numbers.

    Args:
        sequential: look at the first fifth of the prompts, the first two fifths and so on, of a run
            that may have fewer prompts than the gate, and stop where the answer is known.
    """
    test = paired_test(scored, gate, sequential)
    planned = sequential and isinstance(test, PairedTest)
    obstacles = _other_conditions(scored, gate, ("prompts",) if planned else ())
    if not planned:
        obstacles = [*_incomplete(scored, gate), *obstacles]
    if isinstance(test, str):
        checks = checks_of(scored, gate)
        obstacles += [f"no sequential test: {test}"] if sequential else []
    else:
        # The limits are of all images of the plan: at an earlier look the pairs alone tell.
        last = test.look == len(test.plan) or not planned
        checks = checks_of(scored, gate) if last else _at_look(gate, test)
        checks = [_with_change(check, test.changes.get(check.place)) for check in checks]
        if planned and not test.decided:
            obstacles.append(_undecided(test, gate))
    worst = list(Answer)
    checks = sorted(checks, key=lambda check: worst.index(check.answer))
    answer = checks[0].answer if checks else Answer.CANNOT_TELL
    if obstacles:
        answer = Answer.CANNOT_TELL
    notes = [*_notes(scored, gate), *narrow_windows(checks)]
    return Decision(scored, gate, answer, checks, obstacles, notes, test)


def _undecided(test: PairedTest, gate: GateFile) -> str:
    following = test.plan[test.look]
    told = f"no answer at look {test.look} of {len(test.plan)}" if test.look else "no look yet"
    images = following * gate.measured.images_per_prompt
    return (
        f"{told}: the next one is at {following:,} prompts ({images:,} images); go on with "
        f"--limit {following}"
    )


def _at_look(gate: GateFile, test: PairedTest) -> list[Check]:
    """Every window at a look before the last one, where only the change tells."""
    groups = {"all": gate.metrics, **gate.groups}
    return [
        Check(group, key, window, change.value, nan, nan, Answer.PASS, "no loss found")
        if (change := test.changes.get((group, key)))
        else Check(group, key, window, nan, nan, nan, Answer.CANNOT_TELL, "not in these images")
        for group, windows in groups.items()
        for key, window in windows.items()
    ]


def _with_change(check: Check, change: Change | None) -> Check:
    """What the paired test says of a metric that has not left its window for certain."""
    if change is None or check.answer.failed:
        return replace(check, change=change)
    if change.worse:
        reason = "worse than the reference on the same images"
        return replace(check, change=change, answer=Answer.REGRESSION, reason=reason)
    if change.certain and change.bearable:
        return replace(check, change=change, reason="a loss, but less than the window allows")
    return replace(check, change=change)


def narrow_windows(checks: Sequence[Check]) -> list[str]:
    """A sentence where windows are narrower than the run's own intervals, else nothing."""
    narrow = [c for c in checks if c.window.is_narrower(c.value, c.low, c.high)]
    if not narrow:
        return []
    worst = max(narrow, key=lambda c: c.high - c.low - 2 * c.window.tolerance)
    return [
        f"NARROW: {len(narrow):,} of {len(checks):,} windows are narrower than the run's own "
        f"interval, most of all {worst.name} ({worst.window}, interval {worst.low:.2f} to "
        f"{worst.high:.2f}): a run that is no worse can leave them by chance; use more prompts or "
        "a larger --tolerance"
    ]


def _incomplete(scored: ScoredRun, gate: GateFile) -> list[str]:
    result = scored.result
    found = []
    if result.partial:
        found.append(f"the run is partial: {result.images:,} of {result.images_expected:,} images")
    if result.images < gate.min_images:
        found.append(f"too few images: {result.images:,}, the gate asks for {gate.min_images:,}")
    return found


def _other_conditions(scored: ScoredRun, gate: GateFile, besides: Sequence[str]) -> list[str]:
    there, here = gate.measured, scored.signature
    differences = Conditions.of(here).differences(Conditions.of(there))
    differences += [
        Difference(name, _shown(getattr(here, name)), _shown(getattr(there, name)))
        for name in gate.also
        if getattr(there, name) != getattr(here, name)
    ]
    return [
        f"other conditions: {one.name} is {one.own}, the gate was written with {one.other}"
        for one in differences
        if one.name not in besides
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
    return "the default" if value is None else str(value)


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
    found, why = values(scored.metrics, table), why_undefined(scored.metrics, table)
    smaller = {metric.key for metric in scored.metrics if not metric.larger_is_better}
    held = {k: ratio for k, ratio in ratios(scored.metrics, table).items() if k in windows}
    bounds = intervals(held, scored.benchmark.clusters(table.prompts), confidence=confidence)
    return [
        _check(
            (name, key, window, found[key], *bounds.get(key, (nan, nan))),
            why.get(key),
            Answer.BELOW_THE_WINDOW if key in smaller else Answer.ABOVE_THE_WINDOW,
        )
        if key in found
        else _unknown(name, key, window, found)
        for key, window in windows.items()
    ]


def _check(
    shown: tuple[str, str, Window, float, float, float], why_undefined: str | None, gain: Answer
) -> Check:
    """A metric against its window; ``gain`` is the answer where it left that for the better."""
    _, _, window, value, low, high = shown
    if isnan(value):
        answer, reason = Answer.CANNOT_TELL, "undefined for this run"
        reason += f": {why_undefined}" if why_undefined else ""
    elif window.low <= value <= window.high:
        answer, reason = Answer.PASS, "inside the window"
    elif isnan(low) or isnan(high):
        answer, reason = Answer.CANNOT_TELL, "outside the window, and without an interval"
    elif low > window.high or high < window.low:
        side = Answer.ABOVE_THE_WINDOW if low > window.high else Answer.BELOW_THE_WINDOW
        answer = gain if side is gain else Answer.REGRESSION
        word = "above" if side is Answer.ABOVE_THE_WINDOW else "below"
        reason = f"{word} the window with its whole interval"
    else:
        answer = Answer.CANNOT_TELL
        reason = "outside the window, but its interval reaches in: more images would tell"
    return Check(*shown, answer, reason)


def _unknown(group: str, key: str, window: Window, values: Mapping[str, float]) -> Check:
    reason = str(unknown_name("metric of this run", key, values))
    return Check(group, key, window, nan, nan, nan, Answer.CANNOT_TELL, reason)


def checks_of(scored: ScoredRun, gate: GateFile) -> list[Check]:
    """Every window with what the run shows, in the order of the file."""
    tasks = by_task(scored.table) if gate.groups else {}
    checks = _group(scored, "all", scored.table, gate.metrics, gate.confidence)
    for name, windows in gate.groups.items():
        checks += _group(scored, name, tasks.get(name), windows, gate.confidence)
    return checks
