"""Any number of runs beside each other and beside what has been published.

A lab number never stands in one table with a number from a full-size model or from a paper: each
world has its own section, and so has every prompt set. Within a section, a row measured under
other conditions carries a number that the notes explain; see ``competition``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

from ..files.images import one_colour_note
from ..plugins import Metric, Published
from ..plugins.metric import headline
from ..scoring.summary import Summary
from .cells import INTERVAL_NOTE, Footnotes, direction_note, images_cell, plain_cell
from .competition import Candidate, Competition, Prescribed, numbered
from .marks import MARKS, competes, marked, method_marks
from .price import PRICE_COLUMNS, price_cells, price_fields, price_notes, price_values
from .quality import QUALITY_COLUMNS, quality_cells, quality_notes, quality_values
from .records import Records, of_leaderboard
from .report import Report
from .rows import LAB_TITLE, Part, Row, parts
from .tables import UNDEFINED, Table

BEST_NOTE = (
    "bold (* in plain text): the best of the rows measured under the same conditions, without a "
    "mark and without missing images, and those whose interval overlaps its own; a row without "
    "interval counts as a point"
)
EVIDENCE_NOTE = (
    "[P] read in the primary source, [S] in a secondary one, [C] checked, [D] derived; "
    "--format json has the notes on each published row."
)


def leaderboard(
    benchmark: str,
    rows: Sequence[Row],
    published: Sequence[Published],
    metrics: Sequence[Metric],
    prescribed: Prescribed | None = None,
    price: bool = False,
    quality: bool = False,
    left_out: Mapping[str, str] | None = None,
    typed: Callable[[str], str] = str,
    groups: bool = False,
) -> Report:
    """The leaderboard, a table for each world and prompt set; see ``rows.parts``.

    Args:
        benchmark: its name.
        rows: runs of that benchmark.
        published: rows of its papers; shown beside full-size models, apart from the lab.
        metrics: in the order of the columns, which are the headline of them.
        prescribed: the benchmark's own conditions, which the published rows were measured under.
        price: whether to show detector confidence, duplicates and seconds; ``json`` always does.
        quality: whether to show what was measured of the images' quality, and duplicates.
        left_out: by its folder why a run is no row; ``not_in_table`` of ``json``.
        typed: what users type for a subset.
        groups: whether to show, below each table, its runs by relation or task.
    """
    divided = [(part, part.competition(prescribed)) for part in parts(rows, published)]
    tables = [
        _section(
            part.title(benchmark, typed),
            part,
            part.columns(metrics),
            competition,
            price,
            quality,
        )
        for part, competition in divided
    ]
    if groups:
        by_group = [_by_group(part, part.columns(metrics)) for part, _ in divided]
        tables = [one for pair in zip(tables, by_group, strict=True) for one in pair if one]
    differs = {
        id(row): said
        for part, competition in divided
        for row, said in zip(part.rows, competition.differs, strict=True)
    }
    names = {
        id(row): name
        for part, _ in divided
        for row, name in zip(part.rows, part.names, strict=True)
    }
    held = [(row, names[id(row)], differs[id(row)]) for row in rows]
    document: dict[str, Any] = {
        "rows": [
            {
                **_flat(row.result),
                **price_fields(row.pace),
                "run": row.run,
                "name": name,
                "lab": row.result.is_lab,
                "marks": list(method_marks(row.result)),
                "other_conditions": said,
                **({"quality": [one.model_dump() for one in row.quality]} if quality else {}),
            }
            for row, name, said in held
        ],
        "published": published_document(published),
    }
    if left_out:
        document["not_in_table"] = [
            {"run": run, "reason": f"it is {why}"} for run, why in left_out.items()
        ]
    keys = headline(metrics)
    records = _records(held, published, keys, price, quality)
    return Report(tables, document, records, of_leaderboard(keys))


def published_document(published: Sequence[Published]) -> list[dict[str, Any]]:
    """Published rows as ``--format json`` has them."""
    return [
        {
            "method": entry.method,
            "base": entry.base,
            **entry.metrics,
            "metrics": dict(entry.metrics),
            "source": entry.source,
            "evidence": entry.evidence,
            "note": entry.note,
            "marks": list(entry.marks),
        }
        for entry in published
    ]


def _section(
    title: str,
    part: Part,
    metrics: Sequence[Metric],
    competition: Competition,
    price: bool,
    quality: bool,
) -> Table:
    rows, names, published = part.rows, part.names, part.published
    numbers, conditions = numbered(competition.differs)
    footnotes, keys = Footnotes(), [metric.key for metric in metrics]
    against: dict[str, str] = {}
    cells = []
    for row, name, differs in zip(rows, names, competition.differs, strict=True):
        result, mark = row.result, f" [{numbers[differs]}]" if differs else ""
        mark += "".join(f" {MARKS[known][0]}" for known in method_marks(result))
        values = [footnotes.cell(result, key) for key in keys]
        values += price_cells(result, row.pace) if price else []
        values += quality_cells(result, row.quality, against) if quality else []
        cells.append([name + mark, result.backbone, images_cell(result), *values, "measured"])
    for entry in published:
        values = [plain_cell(entry.metrics.get(key)) for key in keys]
        values += [UNDEFINED] * len(PRICE_COLUMNS) if price else []
        values += [UNDEFINED] * len(QUALITY_COLUMNS) if quality else []
        method = " ".join([entry.method, *(MARKS[name][0] for name in entry.marks)])
        source = f"{entry.source} [{entry.evidence}]"
        cells.append([method, entry.base, "", *values, source])
    used = {name for entry in published for name in entry.marks}
    used |= {name for row in rows for name in method_marks(row.result)}
    notes = [INTERVAL_NOTE, *direction_note(metrics), *conditions, *footnotes.notes()]
    notes += [f"{sign} {meaning}" for name, (sign, meaning) in MARKS.items() if name in used]
    if published:
        notes.append(EVIDENCE_NOTE)
    bold = best_cells(part, metrics, competition)
    if bold:
        notes.append(BEST_NOTE)
    notes += [
        f"{name}: {one_colour_note(row.result.one_colour)}."
        for row, name in zip(rows, names, strict=True)
        if row.result.one_colour
    ]
    if price:
        paces = [row.pace for row in rows]
        notes += price_notes(list(zip(names, paces, strict=True)))
    if quality and rows:
        notes += quality_notes(against)
    signatures = dict.fromkeys(row.result.signature for row in rows)
    paid = (PRICE_COLUMNS if price else ()) + (QUALITY_COLUMNS if quality else ())
    columns = ["method", "base", "images", *keys, *paid, "source"]
    return Table(
        columns=columns,
        rows=cells,
        title=title,
        notes=notes,
        bold=bold,
        rules=[len(rows)] if rows and published else [],
        spare=[*range(len(columns) - 1, 3, -1), 1],
        signatures=list(signatures),
        smaller=frozenset(metric.key for metric in metrics if not metric.larger_is_better),
        caption=f"Results on {title.partition(': ')[0]}"
        + (" with the lab's small model" if part.lab else ""),
        label=f"{title.partition(': ')[0]}{'-lab' if part.lab else ''}",
    )


def _by_group(part: Part, metrics: Sequence[Metric]) -> Table | None:
    """The runs of a section by relation or task; None where no run has such."""
    footnotes, keys = Footnotes(), [metric.key for metric in metrics]
    rows = [
        [
            marked(row.result, name),
            task,
            f"{group.images:,}",
            *(footnotes.cell(group, key) for key in keys),
        ]
        for row, name in zip(part.rows, part.names, strict=True)
        for task, group in row.result.groups.items()
    ]
    if not rows:
        return None
    columns = ["method", "prompts", "images", *keys]
    title = "by relation or task" + (f": {LAB_TITLE}" if part.lab else "")
    spare = range(len(columns) - 1, 3, -1)
    return Table(columns, rows, title, footnotes.notes(), spare=spare, aside="groups")


def best_cells(
    part: Part, metrics: Sequence[Metric], competition: Competition
) -> frozenset[tuple[int, int]]:
    """The cells of the best numbers, by (row, column) of the section's table."""
    found = set()
    for place, metric in enumerate(metrics, 3):
        key = metric.key
        column = [
            Candidate(
                row.result.metric(key),
                *row.result.interval(key),
                eligible=competes(row.result),
            )
            for row in part.rows
        ]
        others = [
            Candidate(entry.metrics.get(key, nan), eligible=not entry.marks)
            for entry in part.published
        ]
        best = competition.best(column, others, metric.larger_is_better)
        found |= {(number, place) for number in best}
    return frozenset(found)


def _flat(summary: Summary) -> dict[str, Any]:
    """The summary with its metrics between the other keys, which come first, and by themselves."""

    def spread(numbers: dict[str, Any]) -> dict[str, Any]:
        return {**numbers["price"], **numbers["metrics"], **numbers}

    document = summary.document()
    groups = {name: spread(group) for name, group in document["groups"].items()}
    return {**spread(document), "groups": groups}


def _records(
    held: Sequence[tuple[Row, str, str]],
    published: Sequence[Published],
    keys: Sequence[str],
    price: bool,
    quality: bool,
) -> Records:
    """One line per row; the columns of price and quality where they are asked for."""
    priced = list(PRICE_COLUMNS) if price else []
    priced += QUALITY_COLUMNS if quality else ()
    bounds = [name for key in keys for name in (f"{key}_low", f"{key}_high")]
    columns = ["world", "name", "method", "base", "images", "images_expected", "partial", *keys]
    columns += [*bounds, *priced, "other_conditions", "source", "marks"]
    lines: list[list[object]] = []
    for row, name, differs in held:
        result = row.result
        line: list[object] = [
            "lab" if result.is_lab else "full-size",
            name,
            result.method,
            result.backbone,
        ]
        line += [result.images, result.images_expected, result.partial]
        line += [result.metric(key) for key in keys]
        line += [bound for key in keys for bound in result.interval(key)]
        line += price_values(result, row.pace) if price else []
        line += quality_values(result, row.quality) if quality else []
        lines.append([*line, differs, result.signature, "+".join(method_marks(result))])
    for entry in published:
        line = ["published", entry.method, entry.method, entry.base, None, None, None]
        line += [entry.metrics.get(key) for key in keys]
        line += [None] * (len(bounds) + len(priced) + 1)
        lines.append([*line, f"{entry.source} [{entry.evidence}]", "+".join(entry.marks)])
    return columns, lines
