"""The tables of a site: what stands in each cell, and what it is sorted and filtered by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isnan
from pathlib import Path

from ..api.ranking import columns_of
from ..files.images import one_colour_note
from ..plugins import Benchmark, Metric, Published
from ..reports.cells import INTERVAL_NOTE, Footnotes, direction_note, images_cell, plain_cell
from ..reports.competition import numbered
from ..reports.leaderboard import BEST_NOTE, best_cells
from ..reports.marks import MARKS, method_marks
from ..reports.rows import Part, Row, parts
from ..runs.conditions import Conditions
from ..runs.names import slug
from ..scoring.other_rules import run_of
from .collecting import Collection

Number = float | None
"""None where it is undefined or not known."""

EVIDENCE_NOTE = (
    "published rows: [P] read in the primary source, [S] in a secondary one, [C] checked, [D] "
    "derived"
)
_BEFORE = 3
"""Columns before the first metric."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric of a row: as text, as numbers in percent, and whether it is the best."""

    text: str
    value: Number
    low: Number = None
    high: Number = None
    best: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table.

    Attributes:
        name: what it is called.
        marks: names of what it says of itself.
        signs: those marks as they stand behind the name, and the number of a note.
        base: the model that it is built on.
        images: how many, as text; "" for a published row.
        count: the same as a number.
        cells: one for each metric of the table.
        source: of a published row, with the strength of its evidence; "" for a run.
        run: the folder of the run; "" for a published row.
        other_rule: whether it is the run by another rule than the one it was scored by last.
    """

    name: str
    marks: Sequence[str]
    signs: Sequence[str]
    base: str
    images: str
    count: Number
    cells: Sequence[Cell]
    source: str = ""
    run: str = ""
    other_rule: bool = False


@dataclass(frozen=True)
class Board:
    """One table of a site: the rows that may stand beside each other.

    Attributes:
        name: of its files and its place on the page: letters, digits, hyphens.
        title: of the table.
        benchmark: name of the benchmark.
        metrics: of its columns.
        lines: runs first, then published rows.
        notes: sentences under it.
        lab: whether these are rows of the embedded lab, beside which nothing published stands.
    """

    name: str
    title: str
    benchmark: str
    metrics: Sequence[Metric]
    lines: Sequence[Line]
    notes: Sequence[str]
    lab: bool = False

    def called(self, line: Line) -> str:
        """A row's name and signs for a plot, with its base where another one has that name."""
        alike = any(other is not line and other.name == line.name for other in self.lines)
        return " ".join([line.name, *line.signs, *([f"· {line.base}"] if alike else [])])


def boards(collected: Collection, published: bool = True) -> list[Board]:
    """The tables of every benchmark; a part for each world and prompt set, as on a leaderboard."""
    found: dict[str, Board] = {}
    for name, benchmark in collected.benchmarks.items():
        own = [row for row in collected.rows if row.result.benchmark == name]
        others = list(benchmark.published()) if published else []
        # Papers stand beside runs that may be compared with them, and not alone.
        for part in parts(own, others):
            if part.rows:
                board = _board(benchmark, part, columns_of(benchmark, own, others), found)
                found[board.name] = board
    return list(found.values())


def _board(
    benchmark: Benchmark, part: Part, metrics: Sequence[Metric], taken: Mapping[str, Board]
) -> Board:
    competition = part.competition(partial(Conditions.prescribed, benchmark))
    columns = part.columns(metrics)
    numbers, conditions = numbered(competition.differs)
    best = best_cells(part, columns, competition)
    footnotes = Footnotes()
    lines = []
    for place, (row, name, differs) in enumerate(
        zip(part.rows, part.names, competition.differs, strict=True)
    ):
        marks = method_marks(row.result)
        signs = [MARKS[mark][0] for mark in marks]
        signs += [f"[{numbers[differs]}]"] if differs else []
        cells = [
            _cell(row, metric.key, footnotes, (place, column) in best)
            for column, metric in enumerate(columns, _BEFORE)
        ]
        result = row.result
        lines.append(
            Line(
                name,
                marks,
                signs,
                result.backbone,
                images_cell(result),
                result.images,
                cells,
                run=str(run_of(Path(row.run))),
                other_rule=run_of(Path(row.run)) != Path(row.run),
            )
        )
    lines += [
        _published(entry, columns, len(part.rows) + place, best)
        for place, entry in enumerate(part.published)
    ]
    used = {mark for line in lines for mark in line.marks}
    notes = [INTERVAL_NOTE, *direction_note(columns), *conditions, *footnotes.notes()]
    notes += [" ".join(MARKS[mark]) for mark in MARKS if mark in used]
    notes += [EVIDENCE_NOTE] if part.published else []
    notes += [BEST_NOTE.replace("bold (* in plain text)", "bold")] if best else []
    notes += [
        f"{line.name}: {one_colour_note(row.result.one_colour)}."
        for row, line in zip(part.rows, lines, strict=False)
        if row.result.one_colour
    ]
    title = part.title(benchmark.name, benchmark.typed)
    name = slug(title.partition(": ")[0].replace(":", "-")).lower() + ("-lab" if part.lab else "")
    while name in taken:
        name += "-2"
    return Board(name, title, benchmark.name, columns, lines, notes, part.lab)


def _cell(row: Row, key: str, footnotes: Footnotes, best: bool) -> Cell:
    low, high = row.result.interval(key)
    value = row.result.metric(key)
    return Cell(footnotes.cell(row.result, key), None if isnan(value) else value, low, high, best)


def _published(
    entry: Published, columns: Sequence[Metric], place: int, best: frozenset[tuple[int, int]]
) -> Line:
    cells = [
        Cell(
            plain_cell(entry.metrics.get(metric.key)),
            entry.metrics.get(metric.key),
            best=(place, column) in best,
        )
        for column, metric in enumerate(columns, _BEFORE)
    ]
    signs = [MARKS[mark][0] for mark in entry.marks]
    source = f"{entry.source} [{entry.evidence}]"
    return Line(entry.method, entry.marks, signs, entry.base, "", None, cells, source)
