"""The report of an import for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable

from ..files.images import one_colour_note
from ..reports.report import Report
from ..reports.tables import Table
from ..runs.expected import name_some
from .matching import Matching

_SHOWN = 20

_WHAT = {
    "misnamed": "wrongly named",
    "unreadable": "empty or unreadable",
    "duplicate": "duplicate",
    "extra": "extra",
}


def matching_report(matching: Matching, expected: int) -> Report:
    """Counts, then a table of each kind of problem; ``json`` and ``csv`` list all of them."""
    problems = _problems(matching)
    document = {
        "expected": expected,
        "matched": len(matching.matched),
        "clean": matching.clean,
        "hidden": matching.hidden,
        "passed_over": matching.passed_over,
        "one_colour": [f"{prompt_id}/{index}" for prompt_id, index in matching.one_colour],
        "turned": matching.turned,
        "rewritten": matching.rewritten,
        **{kind: dict(found) for kind, found in problems},
    }
    records = [[kind, name, why] for kind, found in problems for name, why in found]
    counts = [["matched", f"{len(matching.matched):,} of {expected:,} expected"]]
    counts += [[_WHAT.get(kind, kind), f"{len(found):,}"] for kind, found in problems]
    if matching.hidden:
        counts.append(["hidden, not looked at", f"{matching.hidden:,}"])
    if matching.passed_over:
        counts.append(["passed over, no image of a prompt", f"{len(matching.passed_over):,}"])
    if matching.turned:
        counts.append(["turned by their EXIF orientation", f"{matching.turned:,}"])
    if matching.one_colour:
        counts.append(["of one colour", f"{len(matching.one_colour):,}"])
    if matching.rewritten:
        counts.append(["prompts that were rewritten", f"{matching.rewritten:,}"])
    notes = []
    if matching.one_colour:
        notes.append(
            f"{one_colour_note(len(matching.one_colour))}: {name_some(matching.one_colour)}"
        )
    tables = [Table(["images", "count"], counts, notes=notes)]
    for kind, found in problems:
        if found:
            rest = len(found) - _SHOWN
            notes = [f"and {rest:,} more; --format json lists all"] if rest > 0 else []
            rows = [[name, why] for name, why in found[:_SHOWN]]
            tables.append(Table([_WHAT.get(kind, kind), "why"], rows, notes=notes))
    return Report(tables, document, (["problem", "file", "why"], records))


def _problems(matching: Matching) -> list[tuple[str, list[tuple[str, str]]]]:
    missing = [(f"{prompt_id}/{index}", "no file") for prompt_id, index in matching.missing]
    kinds: list[tuple[str, Iterable[tuple[str, str]]]] = [
        ("missing", missing),
        *((kind, getattr(matching, kind).items()) for kind in _WHAT),
    ]
    return [(kind, list(found)) for kind, found in kinds]
