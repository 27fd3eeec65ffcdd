"""What a verb prints: tables for people, records and one document for programs.

``Report.text`` is the only way from a result to text: for a terminal, as Markdown, CSV, JSON, LaTeX
or a web page.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any, Literal, get_args

from ..files.shown_text import csv_cell, markdown_text
from .records import Choice, Records
from .screen import Screen, terminal_width
from .tables import Table
from .terminal import fitted, grid, plain
from .view import View

Form = Literal["table", "md", "csv", "json", "latex", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
FOR_PEOPLE: tuple[Form, ...] = ("table", "md")
"""Forms beside which stdout may hold another line."""


@dataclass(frozen=True, slots=True)
class Report:
    """A result in every form.

    Attributes:
        tables: for people, in order.
        document: what ``json`` prints; numbers that are not finite become null.
        records: what ``csv`` prints, numbers in full and empty where they are not finite; None for
            the cells of the first table.
        choice: how a view chooses among the records; None where a verb takes none.
    """

    tables: Sequence[Table]
    document: Any = None
    records: Records | None = None
    choice: Choice | None = None

    def text(self, form: Form, view: View | None = None, screen: Screen | None = None) -> str:
        """The report in that form, without a newline at the end.

        Args:
            view: which columns, rows and digits; None for everything but signatures and, in plain
                text, rows by relation.
            screen: what plain text is for; None for the width of stdout, without colour.

        Raises:
            UserError: a view of columns or rows that are not there, or of what this form has whole.
        """
        view = view or View()
        if form == "json":
            view.refuse(form, "columns", "rows", "sort", "digits", "intervals", "caption")
            return json.dumps(_finite(self.document), indent=2, allow_nan=False)
        if form == "csv":
            return _csv(self._records(view))
        tables = view.of(self.tables, form in ("table", "latex"))
        if form == "html":
            return _page(tables)
        if form == "latex":
            from .latex import latex

            return latex(tables, view)
        if form == "md":
            return "\n\n".join(map(_markdown, tables))
        screen = screen or Screen(terminal_width())
        return "\n\n".join(_plain(table, view, screen) for table in tables)

    def _records(self, view: View) -> Records:
        if self.records is None:
            table = view.of(self.tables[:1], brief=False)[0]
            return table.columns, table.rows
        view.refuse("csv", "digits", "intervals", "caption")
        if self.choice is None:
            view.refuse("csv", "columns", "rows", "sort")
            return self.records
        return self.choice.of(self.records, view)


def _plain(table: Table, view: View, screen: Screen) -> str:
    if view.signature:
        table = replace(table, notes=[*table.notes, *table.signatures])
    if screen.width is None:
        return plain(table)
    return fitted(table, screen.width, wide=view.wide, colour=screen.colour)


def _markdown(table: Table) -> str:
    names = [markdown_text(name) for name in table.columns]
    body = grid(names, _cells(table, markdown_text, "**{}**"), table.right, "github")
    parts = [f"**{markdown_text(table.title)}**" if table.title else "", body]
    parts += [f"<sub>{markdown_text(note)}</sub>" for note in (*table.notes, *table.signatures)]
    return "\n\n".join(part for part in parts if part)


def _page(tables: Sequence[Table]) -> str:
    """One web page that needs nothing else; whatever is in a table is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("spatialbench.reports", "data")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html").render(tables=tables)


def _cells(table: Table, shown: Any, bold: str) -> list[list[str]]:
    return [
        [
            bold.format(shown(cell)) if (number, place) in table.bold else shown(cell)
            for place, cell in enumerate(row)
        ]
        for number, row in enumerate(table.rows)
    ]


def _csv(records: Records) -> str:
    columns, rows = records
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in _told_apart(columns)])
    writer.writerows([csv_cell(_value(cell)) for cell in row] for row in rows)
    return out.getvalue().rstrip("\n")


def _told_apart(columns: Sequence[str]) -> list[str]:
    """``images, images_2``: a metric may be called like a column that is there."""
    counts: Counter[str] = Counter()
    names = []
    for name in map(str, columns):
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return names


def _value(value: object) -> str:
    if isinstance(value, float):
        return repr(float(value)) if isfinite(value) else ""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _finite(value: Any) -> Any:
    """The same for JSON, which has no number for what is undefined or without an end."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
