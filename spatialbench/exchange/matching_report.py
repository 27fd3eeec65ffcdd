"""The report of an import for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..files.images import one_colour_note
from ..prompts import Key
from ..reports.report import Report
from ..reports.tables import Table
from ..runs.expected import name_some
from .fitting import Advice
from .matching import Matching, together

_SHOWN = 20

_WHAT = {
    "misnamed": "wrongly named",
    "unreadable": "empty or unreadable",
    "duplicate": "duplicate",
    "extra": "extra",
}


def matching_report(
    matching: Matching, expected: int, layout: str = "", advice: Advice | None = None
) -> Report:
    """Counts, then a table of each kind of problem; ``json`` and ``csv`` list all of them.

    Args:
        layout: by which the files were read.
        advice: options under which everything would fit, where there are some.
    """
    problems = _problems(matching)
    document = {
        "layout": layout,
        "expected": expected,
        "matched": len(matching.matched),
        "matched_prompts": sorted({key[0] for key in matching.matched}),
        "clean": matching.clean,
        "would_fit": None if advice is None else str(advice),
        "problems": matching.problems,
        "prompts": matching.prompts,
        "given_prompts": matching.texts,
        "by_prompt": _by_prompt(matching),
        "missing_prompts": matching.missing_prompts,
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
    kinds = Counter(matching.passed_over.values())
    counts += [[f"passed over: {why}", f"{count:,}"] for why, count in kinds.most_common()]
    if matching.turned:
        counts.append(["turned by their EXIF orientation", f"{matching.turned:,}"])
    if matching.one_colour:
        counts.append(["of one colour", f"{len(matching.one_colour):,}"])
    if matching.rewritten:
        counts.append(["prompts that were rewritten", f"{matching.rewritten:,}"])
    notes = [] if advice is None else [f"everything that is there would fit: {advice}"]
    if matching.one_colour:
        notes.append(
            f"{one_colour_note(len(matching.one_colour))}: {name_some(matching.one_colour)}"
        )
    tables = [Table(["images", "count"], counts, notes=notes)]
    for kind, found in problems:
        if found:
            # A folder of which one thing is said is one row.
            known = dict(found)
            right = [name for key, m in matching.matched.items() for name in (m.name, _image(key))]
            rows = [list(row) for row in together(known, dict.fromkeys([*known, *right])).items()]
            rest = len(rows) - _SHOWN
            notes = [f"and {rest:,} more; --format json lists all"] if rest > 0 else []
            rows = rows[:_SHOWN]
            tables.append(Table([_WHAT.get(kind, kind), "why"], rows, notes=notes))
    return Report(tables, document, (["problem", "file", "why"], records))


def _image(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def _by_prompt(matching: Matching) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (prompt_id, _), match in sorted(matching.matched.items()):
        found.setdefault(prompt_id, []).append(match.name)
    return found


def _problems(matching: Matching) -> list[tuple[str, list[tuple[str, str]]]]:
    missing = [(_image(key), "no file") for key in matching.missing]
    kinds: list[tuple[str, Iterable[tuple[str, str]]]] = [
        ("missing", missing),
        *((kind, getattr(matching, kind).items()) for kind in _WHAT),
    ]
    return [(kind, list(found)) for kind, found in kinds]
