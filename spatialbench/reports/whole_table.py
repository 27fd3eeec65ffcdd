"""A table of a paper: several prompt sets side by side, one row for all runs of a method.

Every column is measured under conditions of its own, those of its prompt set, and its numbers
compete as they do in the leaderboard of that set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

from ..plugins import Metric, Published
from ..scoring.summary import Summary
from .cells import INTERVAL_NOTE, Footnotes, direction_note, plain_cell
from .competition import Candidate, Competition, Prescribed, numbered
from .leaderboard import BEST_NOTE, EVIDENCE_NOTE, published_document
from .marks import MARKS, competes, method_marks
from .naming import row_names
from .records import of_leaderboard
from .report import Report
from .rows import FULL_TITLE, LAB_TITLE, PUBLISHED_TITLE, Row
from .tables import UNDEFINED, Table

_UNNAMED = frozenset({"content"})
"""Parameters of a method that differ from prompt set to prompt set: the hash of what was
imported."""


@dataclass(frozen=True, slots=True)
class Column:
    """A metric, and the prompt set that it is measured on."""

    metric: Metric
    subset: str


@dataclass(frozen=True, slots=True)
class WholeRow:
    """The runs of one method, by prompt set; at least one."""

    parts: Mapping[str, Row]

    @property
    def first(self) -> Summary:
        """The summary that says whose row it is."""
        return next(iter(self.parts.values())).result

    @property
    def given(self) -> str | None:
        """What its user calls it."""
        return next((row.given for row in self.parts.values() if row.given), None)

    @property
    def is_lab(self) -> bool:
        """Whether the lab made or judged any of it."""
        return any(row.result.is_lab for row in self.parts.values())

    def images(self, subsets: Sequence[str]) -> str:
        """How many images of how many, of the sets that there is a run of."""
        there = [self.parts[name].result for name in subsets if name in self.parts]
        found, asked = sum(r.images for r in there), sum(r.images_expected for r in there)
        return f"{found:,}" if found == asked else f"{found:,}/{asked:,} partial"


def joined(
    rows: Sequence[Row], columns: Sequence[Column], subset_of: Callable[[Row], str]
) -> tuple[list[WholeRow], list[Row]]:
    """The runs of each method in one row, and the runs that have no place in any.

    Runs belong together where their method, settings, model, seeds and name are the same. Of
    several of one prompt set the one with the most images stands in the row.
    """
    keys = {column.subset: column.metric.key for column in columns}
    groups: dict[tuple[object, ...], dict[str, Row]] = {}
    left = []
    for row in rows:
        subset = subset_of(row)
        if keys.get(subset) not in row.result.metrics:
            left.append(row)
            continue
        signature = row.signature
        settings = {k: v for k, v in signature.parameters.items() if k not in _UNNAMED}
        whose = (signature.method, tuple(settings.items()), signature.base, signature.seeds)
        parts = groups.setdefault((*whose, row.result.method, row.given), {})
        other = parts.get(subset)
        if other is None or row.result.images > other.result.images:
            parts[subset] = row
        if other is not None:
            left.append(row if parts[subset] is other else other)
    order = list(keys)
    found = [
        WholeRow({subset: parts[subset] for subset in order if subset in parts})
        for parts in groups.values()
    ]
    return found, left


def whole_table(
    name: str,
    columns: Sequence[Column],
    rows: Sequence[WholeRow],
    published: Sequence[Published] = (),
    prescribed: Prescribed | None = None,
) -> Report:
    """The rows under each other, those of the lab in a table of their own.

    Args:
        name: of benchmark and table, such as ``visor:all``.
        columns: in their order.
        published: rows of papers, beside those of full-size models; those that fill less than half
            of the columns are left out.
        prescribed: the benchmark's own conditions, as for ``leaderboard``.
    """
    keys = [column.metric.key for column in columns]
    known = [entry for entry in published if 2 * len(set(keys) & set(entry.metrics)) >= len(keys)]
    worlds = [(False, [row for row in rows if not row.is_lab], known)]
    worlds.append((True, [row for row in rows if row.is_lab], []))
    # Rows of papers alone stand last.
    worlds.sort(key=lambda world: not world[1])
    tables, documents, records = [], [], []
    for lab, members, beside in worlds:
        if not members and not beside:
            continue
        section = _Section(columns, members, beside, prescribed)
        titles = [LAB_TITLE if lab else FULL_TITLE] if members else []
        titles += [PUBLISHED_TITLE] if beside else []
        tables.append(section.table(f"{name}: {' and '.join(titles)}"))
        documents += section.documents()
        records += section.records()
    bounds = [word for key in keys for word in (f"{key}_low", f"{key}_high")]
    heads = ["world", "name", "method", "base", "images", "images_expected", *keys, *bounds]
    document = {"table": name, "rows": documents, "published": published_document(known)}
    heads += ["other_conditions", "source", "marks"]
    return Report(tables, document, (heads, records), of_leaderboard(keys))


@dataclass
class _Section:
    """The rows of one world, and the published rows beside them."""

    columns: Sequence[Column]
    rows: Sequence[WholeRow]
    published: Sequence[Published]
    prescribed: Prescribed | None

    def __post_init__(self) -> None:
        self.keys = [column.metric.key for column in self.columns]
        self.names = row_names([(row.given, row.first) for row in self.rows])
        self.bold: set[tuple[int, int]] = set()
        said: list[dict[str, list[str]]] = [{} for _ in self.rows]
        for place, column in enumerate(self.columns, 3):
            self._compete(place, column, said)
        self.differs = [
            _told(one, len(row.parts)) for one, row in zip(said, self.rows, strict=True)
        ]

    def _compete(self, place: int, column: Column, said: list[dict[str, list[str]]]) -> None:
        """Find the best of a column, and how its rows differ from the others."""
        key, subset = column.metric.key, column.subset
        there = [number for number, row in enumerate(self.rows) if subset in row.parts]
        parts = [self.rows[number].parts[subset] for number in there]
        signatures = [part.signature for part in parts]
        competition = Competition.of(signatures, bool(self.published), self.prescribed)
        for number, differs in zip(there, competition.differs, strict=True):
            if differs:
                said[number].setdefault(differs, []).append(key)
        own = [
            Candidate(
                part.result.metric(key),
                *part.result.interval(key),
                eligible=competes(part.result),
            )
            for part in parts
        ]
        others = [
            Candidate(entry.metrics.get(key, nan), eligible=not entry.marks)
            for entry in self.published
        ]
        lines = [*there, *range(len(self.rows), len(self.rows) + len(others))]
        best = competition.best(own, others, column.metric.larger_is_better)
        self.bold |= {(lines[number], place) for number in best}

    def table(self, title: str) -> Table:
        """The section for people."""
        numbers, conditions = numbered(self.differs)
        footnotes, used = Footnotes(), dict.fromkeys(m for e in self.published for m in e.marks)
        cells = []
        for row, name, differs in zip(self.rows, self.names, self.differs, strict=True):
            marks = method_marks(row.first)
            used |= dict.fromkeys(marks)
            mark = f" [{numbers[differs]}]" if differs else ""
            mark += "".join(f" {MARKS[one][0]}" for one in marks)
            values = [
                footnotes.cell(row.parts[column.subset].result, column.metric.key)
                if column.subset in row.parts
                else UNDEFINED
                for column in self.columns
            ]
            images = row.images([column.subset for column in self.columns])
            cells.append([name + mark, row.first.backbone, images, *values, "measured"])
        for entry in self.published:
            method = " ".join([entry.method, *(MARKS[one][0] for one in entry.marks)])
            values = [plain_cell(entry.metrics.get(key)) for key in self.keys]
            source = f"{entry.source} [{entry.evidence}]"
            cells.append([method, entry.base, "", *values, source])
        notes = [INTERVAL_NOTE, *direction_note(c.metric for c in self.columns), *conditions]
        notes += footnotes.notes()
        notes += [f"{sign} {meaning}" for one, (sign, meaning) in MARKS.items() if one in used]
        notes += [EVIDENCE_NOTE] if self.published else []
        notes += [BEST_NOTE] if self.bold else []
        signatures = dict.fromkeys(
            part.result.signature for row in self.rows for part in row.parts.values()
        )
        columns = ["method", "base", "images", *self.keys, "source"]
        return Table(
            columns=columns,
            rows=cells,
            title=title,
            notes=notes,
            bold=frozenset(self.bold),
            rules=[len(self.rows)] if self.rows and self.published else [],
            spare=[*range(len(columns) - 1, 3, -1), 1],
            signatures=list(signatures),
            smaller=frozenset(
                column.metric.key for column in self.columns if not column.metric.larger_is_better
            ),
            caption=f"Results on {title.partition(': ')[0]}",
            label=title.partition(": ")[0],
        )

    def documents(self) -> list[dict[str, Any]]:
        """One object per row of runs."""
        return [
            {
                "name": name,
                "method": row.first.method,
                "backbone": row.first.backbone,
                "lab": row.is_lab,
                "images": sum(part.result.images for part in row.parts.values()),
                "images_expected": sum(p.result.images_expected for p in row.parts.values()),
                "metrics": {key: _value(row, column) for key, column in self._by_key()},
                "intervals": {key: list(_interval(row, column)) for key, column in self._by_key()},
                "marks": list(method_marks(row.first)),
                "other_conditions": differs,
                "runs": {
                    subset: {"run": part.run, "signature": part.result.signature}
                    for subset, part in row.parts.items()
                },
            }
            for row, name, differs in zip(self.rows, self.names, self.differs, strict=True)
        ]

    def records(self) -> list[list[object]]:
        """One line per row, runs first."""
        lines: list[list[object]] = []
        for told in self.documents():
            world = "lab" if told["lab"] else "full-size"
            line: list[object] = [world, told["name"], told["method"], told["backbone"]]
            line += [told["images"], told["images_expected"], *told["metrics"].values()]
            line += [bound for pair in told["intervals"].values() for bound in pair]
            signatures = " | ".join(part["signature"] for part in told["runs"].values())
            lines.append([*line, told["other_conditions"], signatures, "+".join(told["marks"])])
        for entry in self.published:
            line = ["published", entry.method, entry.method, entry.base, None, None]
            line += [entry.metrics.get(key) for key in self.keys]
            line += [None] * (2 * len(self.keys) + 1)
            lines.append([*line, f"{entry.source} [{entry.evidence}]", "+".join(entry.marks)])
        return lines

    def _by_key(self) -> list[tuple[str, Column]]:
        return [(column.metric.key, column) for column in self.columns]


def _value(row: WholeRow, column: Column) -> float | None:
    part = row.parts.get(column.subset)
    return None if part is None else part.result.metrics.get(column.metric.key)


def _interval(row: WholeRow, column: Column) -> tuple[float | None, float | None]:
    part = row.parts.get(column.subset)
    return (None, None) if part is None else part.result.interval(column.metric.key)


def _told(said: Mapping[str, Sequence[str]], parts: int) -> str:
    """What differs in all columns alone, else with the columns it differs in."""
    return "; ".join(
        differs if len(keys) == parts else f"{', '.join(keys)}: {differs}"
        for differs, keys in said.items()
    )
