"""The report of an import for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..files.images import one_colour_note
from ..reports.tables import Format, Table, render, render_csv
from ..runs.expected import name_some
from .matching import Report

_SHOWN = 20

_WHAT = {
    "misnamed": "wrongly named",
    "unreadable": "empty or unreadable",
    "duplicate": "duplicate",
    "extra": "extra",
}


def report_text(report: Report, expected: int, form: Format) -> str:
    """Counts, then a table of each kind of problem; ``json`` and ``csv`` list all of them."""
    problems = _problems(report)
    if form == "json":
        document = {
            "expected": expected,
            "matched": len(report.matched),
            "clean": report.clean,
            "hidden": report.hidden,
            "passed_over": report.passed_over,
            "one_colour": [f"{prompt_id}/{index}" for prompt_id, index in report.one_colour],
            "turned": report.turned,
            "rewritten": report.rewritten,
            **{kind: dict(found) for kind, found in problems},
        }
        return json.dumps(document, indent=2)
    if form == "csv":
        rows = [[kind, name, why] for kind, found in problems for name, why in found]
        return render_csv(["problem", "file", "why"], rows)
    counts = [["matched", f"{len(report.matched):,} of {expected:,} expected"]]
    counts += [[_WHAT.get(kind, kind), f"{len(found):,}"] for kind, found in problems]
    if report.hidden:
        counts.append(["hidden, not looked at", f"{report.hidden:,}"])
    if report.passed_over:
        counts.append(["passed over, no image of a prompt", f"{len(report.passed_over):,}"])
    if report.turned:
        counts.append(["turned by their EXIF orientation", f"{report.turned:,}"])
    if report.one_colour:
        counts.append(["of one colour", f"{len(report.one_colour):,}"])
    if report.rewritten:
        counts.append(["prompts that were rewritten", f"{report.rewritten:,}"])
    notes = []
    if report.one_colour:
        notes.append(f"{one_colour_note(len(report.one_colour))}: {name_some(report.one_colour)}")
    tables = [Table(["images", "count"], counts, notes=notes)]
    for kind, found in problems:
        if found:
            rest = len(found) - _SHOWN
            notes = [f"and {rest:,} more; --format json lists all"] if rest > 0 else []
            rows = [[name, why] for name, why in found[:_SHOWN]]
            tables.append(Table([_WHAT.get(kind, kind), "why"], rows, notes=notes))
    return "\n\n".join(render(table, form) for table in tables)


def _problems(report: Report) -> list[tuple[str, list[tuple[str, str]]]]:
    missing = [(f"{prompt_id}/{index}", "no file") for prompt_id, index in report.missing]
    kinds: list[tuple[str, Iterable[tuple[str, str]]]] = [
        ("missing", missing),
        *((kind, getattr(report, kind).items()) for kind in _WHAT),
    ]
    return [(kind, list(found)) for kind, found in kinds]
