"""A gate's decision for people: a table, Markdown for a pull request, CSV or JSON."""

from __future__ import annotations

from math import isnan

from ...files.shown_text import counted, markdown_text
from ..cells import plain_cell
from ..compare.report import difference_cell
from ..report import Report
from ..tables import UNDEFINED, Table
from .decision import Answer, Check, Decision
from .paired import PairedTest

WORDS = {
    Answer.PASS: "pass",
    Answer.REGRESSION: "REGRESSION",
    Answer.ABOVE_THE_WINDOW: "ABOVE THE WINDOW",
    Answer.BELOW_THE_WINDOW: "BELOW THE WINDOW",
    Answer.CANNOT_TELL: "cannot tell",
}


def decision_report(decision: Decision) -> Report:
    """The decision in every form."""
    columns = ["group", "metric", "answer", "value", "low", "high"]
    columns += ["window_low", "window_high", "reason", *_CHANGE]
    records = [
        [
            *(one.group, one.metric, one.answer.value, one.value, one.low, one.high),
            *(one.window.low, one.window.high, one.reason),
            *_change(one).values(),
        ]
        for one in decision.checks
    ]
    return Report([_table(decision)], _document(decision), (columns, records))


def markdown(decision: Decision) -> str:
    """The summary for a pull request: the answer first, then what stands in the way, the table."""
    mark = {Answer.PASS: "✅", Answer.CANNOT_TELL: "⚠️"}.get(decision.answer, "❌")
    result = decision.scored.result
    lines = [
        f"### {mark} spatialbench gate, {result.benchmark}: {WORDS[decision.answer]}",
        "",
        f"{markdown_text(decision.scored.label)}, {counted(result.images, 'image')} of "
        f"{counted(result.prompts, 'prompt')}",
        "",
        *(f"- **{markdown_text(obstacle)}**" for obstacle in decision.obstacles),
        *(f"- {markdown_text(line)}" for line in sentences(decision)),
        *(f"- {markdown_text(note)}" for note in decision.notes),
    ]
    return (
        "\n".join(lines).rstrip()
        + "\n\n"
        + Report([_table(decision, False)], None).text("md")
        + "\n"
    )


def _table(decision: Decision, whole: bool = True) -> Table:
    paired = isinstance(decision.test, PairedTest)
    rows = [
        [
            check.group,
            check.metric,
            _with_interval(check),
            str(check.window),
            *([_changed(check)] if paired else []),
            WORDS[check.answer],
            check.reason,
        ]
        for check in decision.checks
    ]
    notes = [
        f"interval: {100 * decision.gate.confidence:g} %, bootstrap over the benchmark's clusters "
        "of prompts; a metric fails when all of its interval lies outside the window; failures "
        "come first",
    ]
    title = ""
    if whole:
        obstacles = [f"CANNOT TELL: {obstacle}" for obstacle in decision.obstacles]
        notes = [*obstacles, *sentences(decision), *decision.notes, *notes]
        title = f"gate: {WORDS[decision.answer]} ({decision.scored.label})"
    columns = ["prompts", "metric", "value [interval]", "window"]
    columns += [*(["change [interval]"] if paired else []), "answer", "why"]
    return Table(columns, rows, title, notes, signatures=[decision.scored.result.signature])


def _with_interval(check: Check) -> str:
    text = plain_cell(check.value)
    return text if isnan(check.low) else f"{text} [{check.low:.2f}, {check.high:.2f}]"


def _document(decision: Decision) -> dict[str, object]:
    return {
        "answer": decision.answer.value,
        "exit_status": decision.answer.status,
        "run": str(decision.scored.run.path),
        "signature": decision.scored.result.signature,
        "baseline": decision.gate.signature,
        "confidence": decision.gate.confidence,
        "obstacles": list(decision.obstacles),
        "notes": list(decision.notes),
        "test": _test(decision),
        "checks": [
            {
                "group": check.group,
                "metric": check.metric,
                "answer": check.answer.value,
                "value": check.value,
                "low": check.low,
                "high": check.high,
                "window": [check.window.low, check.window.high],
                "reason": check.reason,
                "change": _change(check) if check.change else None,
            }
            for check in decision.checks
        ],
    }


_CHANGE = ("change", "change_low", "change_high", "p", "level")


def _change(check: Check) -> dict[str, float | None]:
    """The change on the reference's images, its interval, p, and the level that p is held to."""
    if check.change is None:
        return dict.fromkeys(_CHANGE)
    found = check.change.difference
    numbers = (found.value, found.low, found.high, found.p, check.change.level)
    return dict(zip(_CHANGE, numbers, strict=True))


def _changed(check: Check) -> str:
    if check.change is None:
        return UNDEFINED
    if check.change.unchanged:
        return "unchanged"
    return difference_cell(check.change.difference)


def _test(decision: Decision) -> dict[str, object]:
    test = decision.test
    if not isinstance(test, PairedTest):
        return {"kind": "windows", "why": test}
    return {
        "kind": "paired",
        "asked_first": test.first[1],
        "images": test.images,
        "images_planned": test.whole,
        "gained": test.gained,
        "lost": test.lost,
        "look": test.look,
        "looks": len(test.plan),
        "decided": test.decided,
    }


def sentences(decision: Decision) -> list[str]:
    """Which test decided, how many images changed, and what these images can show."""
    test = decision.test
    if not isinstance(test, PairedTest):
        return [f"test: windows alone, not paired with the reference's images ({test})"]
    key = test.first[1]
    changed = test.gained + test.lost
    said = [
        f"test: paired with the reference, image by image: {changed:,} of {test.images:,} images "
        f"changed ({test.gained:,} became right, {test.lost:,} became wrong)"
    ]
    if len(test.plan) > 1:
        said.append(_looks(test))
    change = test.changes.get(test.first)
    if change is not None and not isnan(change.smallest):
        said.append(
            f"these images find a loss of {change.smallest:.1f} points of {key} in 4 of 5 runs"
        )
    first, rest = (f"{100 * share:.2g} %" for share in test.alarms)
    others = f", all other checks together in {rest}" if test.alarms[1] else ""
    said.append(
        f"change: run minus reference on the same images; where nothing is worse, {key} fails in "
        f"at most {first} of runs{others}"
    )
    return said


def _looks(test: PairedTest) -> str:
    """``decided at look 2 of 5, with 1,280 of 3,200 images: 1,920 need not be made``."""
    looks = len(test.plan)
    if not test.decided:
        return f"sequential: {test.look} of {looks} looks, no answer yet"
    left = test.whole - test.images
    saved = f"{left:,} need not be made" if left else "none was saved"
    return (
        f"sequential: decided at look {test.look} of {looks}, with {test.images:,} of "
        f"{counted(test.whole, 'image')}: {saved}"
    )
