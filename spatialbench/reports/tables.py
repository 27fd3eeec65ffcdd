"""A small table and the text forms it can be printed in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Format = Literal["table", "md", "csv", "json"]
FORMATS: tuple[Format, ...] = ("table", "md", "csv", "json")

UNDEFINED = "–"
"""What stands in a cell for a number that is undefined or was not reported; never a zero."""


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text under a title, with notes below. Columns of numbers are aligned right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    notes: Sequence[str] = ()


def render(table: Table, form: Literal["table", "md"]) -> str:
    """The table for a terminal or as GitHub markdown, without a newline at the end."""
    from tabulate import tabulate

    align = ["right" if _numeric(table, i) else "left" for i in range(len(table.columns))]
    body = tabulate(
        [[_escaped(cell) if form == "md" else cell for cell in row] for row in table.rows],
        headers=list(table.columns),
        tablefmt="github" if form == "md" else "simple",
        disable_numparse=True,
        colalign=align if table.rows else None,
    )
    if form == "md":
        parts = [f"**{table.title}**" if table.title else "", body]
        parts += [f"<sub>{_escaped(note)}</sub>" for note in table.notes]
        return "\n\n".join(part for part in parts if part)
    return "\n".join(part for part in [table.title, body, *table.notes] if part)


def render_csv(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Comma-separated values with a header line, without a newline at the end."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().rstrip("\n")


def _numeric(table: Table, column: int) -> bool:
    cells = [row[column] for row in table.rows if row[column]]
    return bool(cells) and all(cell[0].isdigit() or cell == UNDEFINED for cell in cells)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
