"""Any number of runs beside each other and beside what has been published.

A lab number never stands in one table with a number from a full-size model or from a paper: each
world has its own section. Within a section, a row measured under other conditions (benchmark
version, rule, detector or threshold) carries a mark that the notes explain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from ..errors import UserError
from ..plugins import Published
from ..runs.signature import Signature
from ..runs.timing import Pace
from .best import Candidate, best
from .cells import INTERVAL_NOTE, images_cell, metric_cell, plain_cell
from .price import PRICE_COLUMNS, price_cells, price_fields, price_notes, price_values
from .results import Result
from .tables import UNDEFINED, Format, Table, render, render_csv

LAB_TITLE = "the lab's small model (comparable with lab rows only)"
FULL_TITLE = "full-size models"
PUBLISHED_TITLE = "published rows"
MARKS = {
    "trained-on-the-metric": ("[t]", "trained on the benchmark's own metric"),
    "layout-conditioned": ("[l]", "a layout is handed to the model, not the prompt alone"),
    "inconsistent": ("[!]", "its cells contradict each other as printed"),
    "reconstruction": (
        "[r]",
        "our reconstruction of what its authors did not release, or not in this form; it competes "
        "like a row without a mark",
    ),
}
"""Marks of published rows and of methods: what stands in the table, and what it means."""
_COMPETING = frozenset({"reconstruction"})
"""Marks that do not keep a row from being the best."""
BEST_NOTE = (
    "bold (* in plain text): the best of the rows without a mark and without missing images, and "
    "those whose interval overlaps its own; a row without interval counts as a point"
)
EVIDENCE_NOTE = (
    "[P] read in the primary source, [S] in a secondary one, [C] checked, [D] derived; "
    "--format json has the notes on each published row."
)


@dataclass(frozen=True, slots=True)
class Row:
    """A run of the leaderboard: where it lies, its checked form, its document, its pace."""

    run: str
    result: Result
    document: Mapping[str, Any]
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """What two numbers must share to stand in one column without a mark."""

    benchmark: str
    rule: str
    detector: str
    threshold: float

    @classmethod
    def of(cls, result: Result) -> Conditions:
        """The conditions of a run; the benchmark with the version its signature gives."""
        version = result.signature.split(" ")[0] or result.benchmark
        return cls(version, result.rule, result.detector, result.threshold)

    def differences(self, reference: Conditions) -> list[str]:
        """``rule strict/1 (others visor-centroid/1)`` for each field that differs."""
        pairs = [
            (name, getattr(self, name), getattr(reference, name))
            for name in ("benchmark", "rule", "detector", "threshold")
        ]
        return [f"{name} {own} (others {other})" for name, own, other in pairs if own != other]


def leaderboard_text(
    benchmark: str,
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    form: Format,
    standard: Conditions | None = None,
    price: bool = False,
) -> str:
    """The leaderboard in any format.

    Args:
        benchmark: its name.
        rows: runs of that benchmark.
        published: rows of its papers; shown beside full-size models, apart from the lab.
        headline: metric keys in column order.
        form: how to print it; ``json`` gives ``{"rows": [...], "published": [...]}``.
        standard: the benchmark's own conditions, which the published rows were measured under.
        price: whether to show detector confidence, duplicates and seconds; ``json`` always does.
    """
    if form == "json":
        return json.dumps(_document(rows, published), indent=2, allow_nan=False)
    if form == "csv":
        return _csv(rows, published, headline, price)
    tables = sections(benchmark, rows, published, headline, standard, price)
    if form == "html":
        from .webpage import html_page

        return html_page(tables)
    return "\n\n".join(render(table, form) for table in tables)


def sections(
    benchmark: str,
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    standard: Conditions | None = None,
    price: bool = False,
) -> list[Table]:
    """The tables, one a world: full-size models with the published rows, then the lab."""
    full = [row for row in rows if not row.result.is_lab]
    lab = [row for row in rows if row.result.is_lab]
    tables = []
    if full or published:
        parts = ([FULL_TITLE] if full else []) + ([PUBLISHED_TITLE] if published else [])
        title = f"{benchmark}: {' and '.join(parts)}"
        tables.append(_section(title, full, published, headline, standard, price))
    if lab:
        tables.append(_section(f"{benchmark}: {LAB_TITLE}", lab, [], headline, None, price))
    return tables


def marks(rows: Sequence[Row], standard: Conditions | None) -> dict[str, list[str]]:
    """For each run (by its path) what it was measured with that the others were not."""
    if not rows:
        return {}
    reference = standard or Conditions.of(rows[0].result)
    return {row.run: Conditions.of(row.result).differences(reference) for row in rows}


def method_marks(result: Result) -> tuple[str, ...]:
    """What a run's method says of itself: the ``marks`` of its identity, from the signature."""
    try:
        text = Signature.parse(result.signature).parameters.get("marks", "")
    except UserError:
        return ()
    return tuple(name for name in text.split("+") if name in MARKS)


def _section(
    title: str,
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    standard: Conditions | None,
    price: bool,
) -> Table:
    differs = marks(rows, standard)
    notes = [INTERVAL_NOTE]
    numbered = 0
    cells = []
    for row in rows:
        result, mark = row.result, ""
        if differs[row.run]:
            numbered += 1
            mark = f" [{numbered}]"
            notes.append(f"{mark.strip()} other conditions: {'; '.join(differs[row.run])}")
        mark += "".join(f" {MARKS[name][0]}" for name in method_marks(result))
        metrics = [metric_cell(result, key) for key in headline]
        metrics += price_cells(result, row.pace) if price else []
        cells.append(
            [result.method + mark, result.backbone, images_cell(result), *metrics, "measured"]
        )
    for entry in published:
        metrics = [plain_cell(entry.metrics.get(key)) for key in headline]
        metrics += [UNDEFINED] * len(PRICE_COLUMNS) if price else []
        method = " ".join([entry.method, *(MARKS[name][0] for name in entry.marks)])
        source = f"{entry.source} [{entry.evidence}]"
        cells.append([method, entry.base, "", *metrics, source])
    used = {name for entry in published for name in entry.marks}
    used |= {name for row in rows for name in method_marks(row.result)}
    notes += [f"{sign} {meaning}" for name, (sign, meaning) in MARKS.items() if name in used]
    if published:
        notes.append(EVIDENCE_NOTE)
    bold = _bold(rows, published, headline, differs)
    if bold:
        notes.append(BEST_NOTE)
    if price:
        notes += price_notes([(row.result.method, row.pace) for row in rows])
    signatures = dict.fromkeys(row.result.signature for row in rows)
    paid = PRICE_COLUMNS if price else ()
    return Table(
        columns=["method", "base", "images", *headline, *paid, "source"],
        rows=cells,
        title=title,
        notes=[*notes, *signatures],
        bold=bold,
        rules=[len(rows)] if rows and published else [],
    )


def _bold(
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    differs: Mapping[str, list[str]],
) -> frozenset[tuple[int, int]]:
    """The cells of the best numbers, by (row, column) of the section's table."""
    found = set()
    for place, key in enumerate(headline, 3):
        column = [
            Candidate(
                row.result.metric(key),
                *row.result.intervals.get(key, (None, None)),
                eligible=not row.result.partial
                and not differs[row.run]
                and _COMPETING.issuperset(method_marks(row.result)),
            )
            for row in rows
        ]
        column += [
            Candidate(entry.metrics.get(key, nan), eligible=not entry.marks) for entry in published
        ]
        found |= {(number, place) for number in best(column)}
    return frozenset(found)


def _document(rows: Sequence[Row], published: Sequence[Published]) -> dict[str, Any]:
    return {
        "rows": [
            {
                **row.document,
                **price_fields(row.pace),
                "run": row.run,
                "lab": row.result.is_lab,
                "marks": list(method_marks(row.result)),
            }
            for row in rows
        ],
        "published": [
            {
                "method": entry.method,
                "base": entry.base,
                **entry.metrics,
                "source": entry.source,
                "evidence": entry.evidence,
                "note": entry.note,
                "marks": list(entry.marks),
            }
            for entry in published
        ],
    }


def _csv(
    rows: Sequence[Row], published: Sequence[Published], headline: Sequence[str], price: bool
) -> str:
    priced = list(PRICE_COLUMNS) if price else []
    bounds = [name for key in headline for name in (f"{key}_low", f"{key}_high")]
    columns = ["world", "method", "base", "images", "images_expected", "partial", *headline]
    lines = []
    for row in rows:
        result = row.result
        pairs = [v for key in headline for v in result.intervals.get(key, (None, None))]
        own = [result.metric(key) for key in headline]
        paid = [_exact(value) for value in price_values(result, row.pace)] if price else []
        lines.append(
            [
                "lab" if result.is_lab else "full-size",
                result.method,
                result.backbone,
                str(result.images),
                str(result.images_expected),
                str(result.partial).lower(),
                *(_exact(value) for value in [*own, *pairs]),
                *paid,
                result.signature,
            ]
        )
    for entry in published:
        values = [entry.metrics.get(key) for key in headline]
        empty = [""] * (len(bounds) + len(priced))
        cells = [*(_exact(value) for value in values), *empty, f"{entry.source} [{entry.evidence}]"]
        lines.append(["published", entry.method, entry.base, "", "", "", *cells])
    return render_csv([*columns, *bounds, *priced, "source"], lines)


def _exact(value: float | None) -> str:
    return "" if value is None or value != value else repr(value)
