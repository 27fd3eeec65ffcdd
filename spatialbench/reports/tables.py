"""A small table and the text forms it can be printed in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..files.shown_text import csv_cell, inert_line, markdown_text
from .terminal import fitted, terminal_width, wrapped

Format = Literal["table", "md", "csv", "json", "latex", "html"]
FORMATS: tuple[Format, ...] = ("table", "md", "csv", "json")
"""What every table can be printed as; latex and html are the leaderboard's."""

UNDEFINED = "–"
"""What stands in a cell for a number that is undefined or was not reported; never a zero."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text under a title, with notes below. Columns of numbers are aligned right.

    ``bold`` holds (row, column) of cells to stand out: bold, or a star in plain text. ``rules``
    are the rows before which a thin line stands where the form has one.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    notes: Sequence[str] = ()
    bold: frozenset[tuple[int, int]] = frozenset()
    rules: Sequence[int] = ()

    def __post_init__(self) -> None:
        """Whatever form it is printed in, no text of it is more than text on one line."""
        rows = [[inert_line(cell) for cell in row] for row in self.rows]
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "columns", [inert_line(name) for name in self.columns])
        object.__setattr__(self, "notes", [inert_line(note) for note in self.notes])
        object.__setattr__(self, "title", inert_line(self.title))


def render(table: Table, form: Format) -> str:
    """The table for a terminal, as GitHub markdown or as LaTeX, without a newline at the end.

    On a terminal that is too narrow the table is folded to its width; see ``terminal``.
    """
    from tabulate import tabulate

    if form == "latex":
        from .latex import latex_table

        return latex_table(
            table.columns,
            table.rows,
            aligned_right(table),
            table.bold,
            table.rules,
            table.title,
            table.notes,
        )
    rows = [
        [_cell(cell, form, (number, place) in table.bold) for place, cell in enumerate(row)]
        for number, row in enumerate(table.rows)
    ]
    width = terminal_width() if form == "table" else None
    if width is not None:
        body = fitted(table.columns, rows, aligned_right(table), width)
        notes = [wrapped(note, width) for note in table.notes]
        return "\n".join(part for part in [wrapped(table.title, width), body, *notes] if part)
    align = ["right" if right else "left" for right in aligned_right(table)]
    body = tabulate(
        rows,
        headers=[_cell(name, form, False) for name in table.columns],
        tablefmt="github" if form == "md" else "simple",
        disable_numparse=True,
        colalign=align if table.rows else None,
    )
    if form == "md":
        parts = [f"**{markdown_text(table.title)}**" if table.title else "", body]
        parts += [f"<sub>{markdown_text(note)}</sub>" for note in table.notes]
        return "\n\n".join(part for part in parts if part)
    return "\n".join(part for part in [table.title, body, *table.notes] if part)


def render_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Comma-separated values with a header line, without a newline at the end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(str(name)) for name in columns])
    writer.writerows(["" if cell is None else csv_cell(str(cell)) for cell in row] for row in rows)
    return out.getvalue().rstrip("\n")


def aligned_right(table: Table) -> list[bool]:
    """For each column whether it holds numbers."""
    return [_numeric(table, i) for i in range(len(table.columns))]


def _cell(cell: str, form: Format, bold: bool) -> str:
    if form == "md":
        text = markdown_text(cell)
        return f"**{text}**" if bold else text
    return f"{cell} *" if bold else cell


def _numeric(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows if row[column]]
    return bool(cells) and all(cell[0].isdigit() or cell.startswith(UNDEFINED) for cell in cells)
