"""What of a report is printed, and how: which columns and rows, with how many digits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import pairwise

from ..errors import UserError, unknown_name
from .tables import SIDES, UNDEFINED, Measured, Table

_FOOTNOTE = re.compile(r"\[[A-Za-z0-9!]+\](?= )")


@dataclass(frozen=True, slots=True)
class View:
    """How a report is to be printed.

    Attributes:
        wide: on a terminal, with the columns that a table can spare.
        groups: plain text with the rows by relation, or by task.
        signature: plain text and LaTeX with the signatures.
        caption: the title of the first table; None for its own.
        label: what LaTeX refers to the first table by; None for its own.
        columns: those to show, in this order, after the first; empty for all.
        rows: patterns of the names of those to show; empty for all.
        sort: the column that orders the rows, the best first; with ``-`` before it, the last first.
        digits: after the point; None for two.
        intervals: whether numbers have theirs.
    """

    wide: bool = False
    groups: bool = False
    signature: bool = False
    caption: str | None = None
    label: str | None = None
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    sort: str | None = None
    digits: int | None = None
    intervals: bool = True

    def refuse(self, form: str, *names: str) -> None:
        """Refuse what a form that is for programs does not do.

        Args:
            names: attributes that have to be as they are by themselves.

        Raises:
            UserError: says which option to leave out.
        """
        for name in names:
            if getattr(self, name) != getattr(_ALL, name):
                option = "--no-intervals" if name == "intervals" else f"--{name}"
                raise UserError(
                    f"--format {form} has the whole result and its numbers in full: leave out "
                    f"{option}, or give another --format."
                )

    def of(self, tables: Sequence[Table], brief: bool) -> list[Table]:
        """The tables as they are to be printed.

        Args:
            brief: without the groups of the prompts, unless they are asked for.

        Raises:
            UserError: a column that no table has, or a pattern that no row fits.
        """
        shown = [one for one in tables if self.groups or not brief or one.aside != "groups"]
        main = [one for one in shown if not one.aside]
        asked = [*self.columns, *([] if self.sort is None else [self.sort.removeprefix("-")])]
        _require(asked, [name for one in main for name in one.columns])
        found = [one if one.aside else self._one(one, brief) for one in shown]
        if self.rows:
            found = [one for one in found if one.rows or one.aside]
            if not any(not one.aside for one in found):
                names = [row[0] for one in main for row in one.rows]
                raise no_such_row(self.rows, names)
        if found and (self.caption is not None or self.label is not None):
            first = found[0]
            caption = first.caption if self.caption is None else self.caption
            title = first.title if self.caption is None else self.caption
            label = first.label if self.label is None else self.label
            found[0] = replace(first, title=title, caption=caption, label=label)
        return found

    def _one(self, table: Table, brief: bool) -> Table:
        if brief and table.groups and not self.groups:
            table = with_rows(table, [i for i in range(len(table.rows)) if i not in table.groups])
        if self.rows:
            named = [i for i, row in enumerate(table.rows) if matches(self.rows, [row[0]])]
            table = with_rows(table, named)
        if self.sort is not None and self.sort.removeprefix("-") in table.columns:
            table = with_rows(table, _sorted(table, self.sort))
        if self.columns:
            places = {name: i for i, name in reversed(list(enumerate(table.columns)))}
            chosen = [places[name] for name in self.columns if places.get(name, 0)]
            table = with_columns(table, [0, *dict.fromkeys(chosen)])
        if self.digits is not None or not self.intervals:
            table = replace(table, rows=[[self._cell(cell) for cell in row] for row in table.rows])
        if not self.intervals:
            notes = [f"{UNDEFINED}: undefined or not reported."]
            notes += [note for note in table.notes if not note.startswith(SIDES)]
            table = replace(table, notes=notes)
        return _without_unused(table)

    def _cell(self, cell: str) -> str:
        return cell.written(self.digits, self.intervals) if isinstance(cell, Measured) else cell


_ALL = View()


def matches(patterns: Iterable[str], names: Iterable[str], *, exact: bool = False) -> bool:
    """Whether one of the names fits one of the patterns, as the names of files do.

    Args:
        patterns: each as it is, for a name may have a comma, and what stands between its commas.
        exact: only names that are written so.
    """
    given = [pattern.casefold() for pattern in patterns]
    given += [piece.strip() for pattern in given for piece in pattern.split(",")]
    return any(
        name == pattern or (not exact and fnmatchcase(name, pattern))
        for name in map(str.casefold, names)
        for pattern in given
    )


def no_such_row(patterns: Sequence[str], names: Iterable[str]) -> UserError:
    """What is said where no row fits."""
    known = ", ".join(dict.fromkeys(names)) or "there is none"
    return UserError(
        f"no row is called {' or '.join(patterns)}: give a name or a pattern of names ({known})."
    )


def _require(asked: Iterable[str], known: Iterable[str]) -> None:
    there = list(dict.fromkeys(known))
    for name in asked:
        if name not in there:
            raise unknown_name("column", name, there)


def _without_unused(table: Table) -> Table:
    """The table without footnotes that are of none of its cells any more."""
    text = " ".join([table.title, *(cell for row in table.rows for cell in row)])
    used = [
        note
        for note in table.notes
        if not _FOOTNOTE.match(note) or any(mark in text for mark in _FOOTNOTE.findall(note))
    ]
    return replace(table, notes=used)


def with_rows(table: Table, places: Sequence[int]) -> Table:
    """The table with those rows, in that order, each once."""
    new = {old: number for number, old in enumerate(places)}
    bold = frozenset((new[row], column) for row, column in table.bold if row in new)
    above = [sum(old < rule for old in places) for rule in table.rules]
    return replace(
        table,
        rows=[table.rows[old] for old in places],
        bold=bold,
        rules=[rule for rule in above if 0 < rule < len(places)],
        groups=frozenset(new[row] for row in table.groups if row in new),
    )


def with_columns(table: Table, places: Sequence[int]) -> Table:
    """The table with those columns, in that order, each once."""
    new = {old: number for number, old in enumerate(places)}
    return replace(
        table,
        columns=[table.columns[old] for old in places],
        rows=[[row[old] for old in places] for row in table.rows],
        bold=frozenset((row, new[column]) for row, column in table.bold if column in new),
        spare=[new[old] for old in table.spare if old in new],
    )


def _sorted(table: Table, asked: str) -> list[int]:
    """Places of the rows in the order of a column, those between two rules among themselves."""
    name = asked.removeprefix("-")
    place = table.columns.index(name)
    cells = [row[place] for row in table.rows]
    known = {i: number for i, cell in enumerate(cells) if (number := _number(cell)) is not None}
    numbers = bool(known) and all(
        i in known or not cell or cell.startswith(UNDEFINED) for i, cell in enumerate(cells)
    )
    descending = numbers and name not in table.smaller
    if asked.startswith("-"):
        descending = not descending
    ends = [0, *table.rules, len(cells)]
    found: list[int] = []
    for start, end in pairwise(ends):
        there = list(range(start, end))
        if numbers:
            ordered = [i for i in there if i in known]
            ordered.sort(key=known.__getitem__, reverse=descending)
            found += [*ordered, *(i for i in there if i not in known)]
        else:
            found += sorted(there, key=lambda i: cells[i].casefold(), reverse=descending)
    return found


def _number(cell: str) -> float | None:
    """The number in a cell, ``1,234`` and ``<0.001`` among them; None where it holds none."""
    if isinstance(cell, Measured):
        return cell.value
    try:
        return float(cell.removeprefix("<").replace(",", ""))
    except ValueError:
        return None
