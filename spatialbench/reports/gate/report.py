"""A gate's decision for people: a table, Markdown for a pull request, CSV or JSON."""

from __future__ import annotations

import math

from ...files.shown_text import markdown_text
from ..cells import plain_cell
from ..report import Report
from ..tables import Table
from .decision import Answer, Check, Decision

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
    columns += ["window_low", "window_high", "reason"]
    records = [
        [
            *(one.group, one.metric, one.answer.value, one.value, one.low, one.high),
            *(one.window.low, one.window.high, one.reason),
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
        f"{markdown_text(decision.scored.label)}, {result.images:,} images of "
        f"{result.prompts:,} prompts",
        "",
        *(f"- **{markdown_text(obstacle)}**" for obstacle in decision.obstacles),
        *(f"- {markdown_text(note)}" for note in decision.notes),
    ]
    return (
        "\n".join(lines).rstrip()
        + "\n\n"
        + Report([_table(decision, False)], None).text("md")
        + "\n"
    )


def _table(decision: Decision, whole: bool = True) -> Table:
    rows = [
        [
            check.group,
            check.metric,
            _with_interval(check),
            str(check.window),
            WORDS[check.answer],
            check.reason,
        ]
        for check in decision.checks
    ]
    notes = [
        f"interval: {100 * decision.gate.confidence:g} %, bootstrap over the benchmark's clusters "
        "of prompts; a metric fails when all of its interval lies outside the window; failures "
        "come first",
        decision.scored.result.signature,
    ]
    title = ""
    if whole:
        obstacles = [f"CANNOT TELL: {obstacle}" for obstacle in decision.obstacles]
        notes = [*obstacles, *decision.notes, *notes]
        title = f"gate: {WORDS[decision.answer]} ({decision.scored.label})"
    columns = ["prompts", "metric", "value [interval]", "window", "answer", "why"]
    return Table(columns, rows, title, notes)


def _with_interval(check: Check) -> str:
    text = plain_cell(check.value)
    return text if math.isnan(check.low) else f"{text} [{check.low:.2f}, {check.high:.2f}]"


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
            }
            for check in decision.checks
        ],
    }
