"""The report of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...files.shown_text import counted
from ...plugins.metric import why_undefined
from ...statistics.paired import Difference
from ..cells import direction_note, plain_cell
from ..marks import meanings, method_marks
from ..records import Choice, Records
from ..report import Report
from ..scored import ScoredRun
from ..tables import UNDEFINED, Measured, Table
from .comparison import ALL, Comparison, Flip, MetricChange

FEW_CLUSTERS = 20
"""With fewer, intervals are a rough guess and the permutation test is coarse."""

SMALLER = frozenset({"p", "p (Holm)", "smallest"})
"""Columns that are the better the smaller they are."""

NOTES = (
    "difference: run minus reference over the images both have, with a 95 % interval "
    "(paired bootstrap over the benchmark's clusters of prompts); p: permutation of whole "
    "clusters; Holm: corrected over the runs, and in the breakdown over runs and groups, metric "
    "by metric; smallest: the true difference that this many prompts find in 4 of 5 repetitions."
)


def comparison_report(
    comparisons: Sequence[Comparison], flips: int, confidence: float = 0.95
) -> Report:
    """Comparisons with one reference, at most ``flips`` flips of each listed."""
    headline = comparisons[0].reference.headline
    tables = []
    for number, comparison in enumerate(comparisons):
        letter = _letter(number)
        tables.append(_metrics(comparison, headline, letter, confidence))
        if len(comparison.groups) > 1:
            tables.append(_groups(comparison, headline, letter))
        if flips and comparison.flips:
            tables.append(_flips(comparison, flips, letter))
    document = _document(comparisons, flips, confidence)
    return Report(tables, document, _records(comparisons), _choice(len(comparisons)))


def _letter(number: int) -> str:
    return chr(ord("B") + number) if number < 25 else f"R{number + 1}"


def _choice(others: int) -> Choice:
    """How records are chosen by the columns of the tables."""
    meant = {"A": ["reference_value"], "p (Holm)": ["p_holm"]}
    for letter in map(_letter, range(others)):
        meant |= {letter: ["run_value"], f"{letter} − A": ["difference", "low", "high"]}
    first = ("reference", "run", "reference_name", "run_name", "group", "metric")
    return Choice("metric", first, stands_for=meant, smaller=SMALLER | {"p_holm"})


def change_cell(change: MetricChange) -> str:
    """``+12.50 [+3.10, +20.00]``."""
    return difference_cell(change.difference)


def difference_cell(difference: Difference) -> str:
    """The same of a difference alone."""
    if math.isnan(difference.value):
        return UNDEFINED
    bounds = (difference.low, difference.high)
    known = bounds if not any(map(math.isnan, bounds)) else ()
    return Measured(difference.value, *known, difference=True)


def p_cell(p: float) -> str:
    """``0.031``, ``<0.001``, or a dash."""
    if math.isnan(p):
        return UNDEFINED
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _metrics(
    comparison: Comparison, headline: Sequence[str], letter: str, confidence: float
) -> Table:
    rows = [
        [
            key,
            plain_cell(change.first),
            plain_cell(change.second),
            change_cell(change),
            p_cell(change.difference.p),
            p_cell(change.p_holm),
            plain_cell(change.smallest),
        ]
        for key, change in _ordered(comparison, ALL, headline)
    ]
    first, second = comparison.reference, comparison.other
    columns = ["metric", "A", letter, f"{letter} − A", "p", "p (Holm)", "smallest"]
    right = f"{counted(comparison.gained, 'image')} became right, {comparison.lost:,} became wrong"
    test = f" (McNemar p {p_cell(comparison.p_mcnemar)})" if comparison.pairing.same_seeds else ""
    partial = [run.label for run in (first, second) if run.result.partial]
    notes = [
        *comparison.pairing.notes,
        *direction_note(m for m in first.metrics if m.key in comparison.groups[ALL]),
        *_undefined(comparison, letter),
        *_few(comparison.clusters),
        *dict.fromkeys([*meanings(first.result), *meanings(second.result)]),
        *([f"PARTIAL: {' and '.join(partial)}"] if partial else []),
        f"{counted(len(comparison.pairing.first.index), 'image')} of "
        f"{counted(len(comparison.pairing.first.prompts), 'prompt')}; {right}{test}",
        NOTES.replace("95 %", f"{100 * confidence:g} %"),
    ]
    signatures = [f"A: {first.result.signature}", f"{letter}: {second.result.signature}"]
    title = f"{first.result.benchmark}: A = {first.label}, {letter} = {second.label}"
    label = f"{first.result.benchmark}-compare-{letter}"
    return Table(
        columns,
        rows,
        title,
        notes,
        spare=[6, 4, 5],
        signatures=signatures,
        smaller=SMALLER,
        label=label,
    )


def _undefined(comparison: Comparison, letter: str) -> list[str]:
    """``undefined: VISOR_4 of A (it needs 4 images per prompt, ...)``, with all that are."""
    pairing = comparison.pairing
    keys: dict[tuple[str, str], list[str]] = {}
    for name, table in (("A", pairing.first), (letter, pairing.second)):
        own = why_undefined(comparison.reference.metrics, table)
        for key, change in comparison.groups[ALL].items():
            if math.isnan(change.first if name == "A" else change.second):
                keys.setdefault((key, own.get(key, "no image counts for it")), []).append(name)
    parts = [f"{key} of {' and '.join(names)} ({why})" for (key, why), names in keys.items()]
    return [f"undefined: {'; '.join(parts)}"] if parts else []


def _few(clusters: int) -> list[str]:
    if clusters >= FEW_CLUSTERS:
        return []
    return [
        f"FEW CLUSTERS: these prompts form only {clusters}, so intervals are a rough guess and no "
        f"p below {p_cell(min(1.0, 2 / 2**clusters))} is possible; run more prompts"
    ]


def _groups(comparison: Comparison, headline: Sequence[str], letter: str) -> Table:
    names = [name for name in comparison.groups if name != ALL]
    keys = [key for key in headline if key in comparison.groups[ALL]]
    rows = []
    for name in names:
        changes = comparison.groups[name]
        rows.append([name, *(_starred(changes.get(key)) for key in keys)])
    title = f"{letter} − A by group (*: Holm p ≤ 0.05)"
    spare = range(len(keys), 1, -1)
    return Table(["prompts", *keys], rows, title, spare=spare, aside="groups")


def _starred(change: MetricChange | None) -> str:
    """A task's own metric, as GenEval has them, is undefined for the other tasks."""
    if change is None:
        return UNDEFINED
    cell = change_cell(change)
    return cell.marked("*") if isinstance(cell, Measured) and change.p_holm <= 0.05 else cell


def _flips(comparison: Comparison, shown: int, letter: str) -> Table:
    rows = [
        [f"{flip.prompt.id}/{flip.index}", _way(flip, letter), flip.before, flip.after]
        for flip in comparison.flips[:shown]
    ]
    total = len(comparison.flips)
    title = f"flipped images, {min(shown, total):,} of {total:,} (--flips N shows more)"
    return Table(["image", "right in", "A", letter], rows, title, aside="images")


def _way(flip: Flip, letter: str) -> str:
    return letter if flip.gained else "A"


def _ordered(
    comparison: Comparison, group: str, headline: Sequence[str]
) -> list[tuple[str, MetricChange]]:
    changes = comparison.groups[group]
    first = [key for key in headline if key in changes]
    return [(key, changes[key]) for key in [*first, *(k for k in changes if k not in first)]]


def _records(comparisons: Sequence[Comparison]) -> Records:
    columns = [
        "reference",
        "run",
        "reference_name",
        "run_name",
        "group",
        "metric",
        "reference_value",
        "run_value",
        "difference",
    ]
    columns += ["low", "high", "p", "p_holm", "smallest"]
    rows = [
        [*_runs(one), group, key, *_numbers(change).values()]
        for one in comparisons
        for group, changes in one.groups.items()
        for key, change in changes.items()
    ]
    return columns, rows


def _runs(one: Comparison) -> list[object]:
    runs = (one.reference, one.other)
    return [*(run.run.path for run in runs), *(run.name for run in runs)]


def _numbers(change: MetricChange) -> dict[str, float]:
    difference = change.difference
    return {
        "reference": change.first,
        "run": change.second,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "p_holm": change.p_holm,
        "smallest": change.smallest,
    }


def _document(comparisons: Sequence[Comparison], flips: int, confidence: float) -> dict[str, Any]:
    reference = comparisons[0].reference
    return {
        "benchmark": reference.result.benchmark,
        "reference": _named(reference),
        "confidence": confidence,
        "comparisons": [_one(comparison, flips) for comparison in comparisons],
    }


def _one(comparison: Comparison, flips: int) -> dict[str, Any]:
    pairing = comparison.pairing
    measured = {
        group: {key: _numbers(change) for key, change in changes.items()}
        for group, changes in comparison.groups.items()
    }
    return {
        **_named(comparison.other),
        "images": len(pairing.first.index),
        "prompts": len(pairing.first.prompts),
        "clusters": comparison.clusters,
        "only_reference": pairing.only_first,
        "only_run": pairing.only_second,
        "same_seeds": pairing.same_seeds,
        "notes": list(pairing.notes),
        "partial": comparison.reference.result.partial or comparison.other.result.partial,
        "metrics": measured.pop(ALL),
        "groups": measured,
        "gained": comparison.gained,
        "lost": comparison.lost,
        "p_mcnemar": comparison.p_mcnemar,
        "flips": [
            {
                "prompt_id": flip.prompt.id,
                "index": flip.index,
                "text": flip.prompt.text,
                "task": flip.prompt.task,
                "gained": flip.gained,
                "reference": flip.before,
                "run": flip.after,
            }
            for flip in comparison.flips[:flips]
        ],
    }


def _named(scored: ScoredRun) -> dict[str, Any]:
    keys = ("method", "backbone", "rule", "detector", "threshold", "signature")
    return {
        "run": str(scored.run.path),
        "name": scored.name,
        **{key: getattr(scored.result, key) for key in keys},
        "marks": list(method_marks(scored.result)),
    }
