"""A small table of text, which every form of a report shows in its own way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..files.shown_text import inert_line

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

    @property
    def right(self) -> list[bool]:
        """For each column whether it holds numbers, which are aligned right."""
        columns = [[row[i] for row in self.rows if row[i]] for i in range(len(self.columns))]
        return [
            bool(cells) and all(cell[0].isdigit() or cell.startswith(UNDEFINED) for cell in cells)
            for cells in columns
        ]
