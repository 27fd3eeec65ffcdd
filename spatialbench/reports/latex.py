"""A table as LaTeX (booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .tables import Table
from .view import View

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": r"\textendash{}",
    "×": r"$\times$",
    "≤": r"$\le$",
    "α": r"$\alpha$",
}

_LONG = 32
"""Characters of the longest cell that stays in its column."""
_WIDE = 70
"""Characters, without the space between columns, that fit on a page at the size of the text."""


def latex_text(text: str) -> str:
    """Text with every character that LaTeX would take for a command or a dash escaped."""
    escaped = "".join(_ESCAPES.get(character, character) for character in text)
    return re.sub("-(?=-)", "-{}", escaped)


def latex(tables: Sequence[Table], view: View) -> str:
    """The tables under each other."""
    return "\n\n".join(latex_table(table) for table in tables)


def latex_table(table: Table) -> str:
    """A ``table`` environment; needs the package booktabs and, for a wide table, graphicx.

    A cell of text that is too long for a column becomes a number, and its text a note; the first
    column, which names the rows, stays. A table
    wider than a page becomes a ``table*`` that is shrunk to the page.
    """
    rows, texts = _numbered(table.rows)
    notes = [*table.notes, "; ".join(texts)] if texts else table.notes
    wide = sum(max(map(len, column)) for column in zip(table.columns, *rows, strict=True)) > _WIDE
    environment = "table*" if wide else "table"
    lines = [rf"\begin{{{environment}}}", r"\centering"]
    lines += [rf"\caption{{{latex_text(table.title)}}}"] if table.title else []
    lines += [r"\resizebox{\textwidth}{!}{%"] if wide else []
    lines.append(rf"\begin{{tabular}}{{{''.join('r' if right else 'l' for right in table.right)}}}")
    lines += [r"\toprule", _row([latex_text(name) for name in table.columns]), r"\midrule"]
    for number, row in enumerate(rows):
        if number in table.rules:
            lines.append(r"\midrule")
        cells = [
            rf"\textbf{{{latex_text(cell)}}}" if (number, place) in table.bold else latex_text(cell)
            for place, cell in enumerate(row)
        ]
        lines.append(_row(cells))
    lines += [r"\bottomrule", r"\end{tabular}" + ("}" if wide else "")]
    lines += [rf"\par\smallskip{{\footnotesize\raggedright {_note(note)}\par}}" for note in notes]
    return "\n".join([*lines, rf"\end{{{environment}}}"])


def _numbered(rows: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[str]]:
    """Rows with a number for every long cell, and the notes that the numbers mean."""
    numbers: dict[str, int] = {}

    def shown(cell: str) -> str:
        if len(cell) <= _LONG:
            return cell
        return f"[{numbers.setdefault(cell, len(numbers) + 1)}]"

    short = [[*row[:1], *(shown(cell) for cell in row[1:])] for row in rows]
    return short, [f"[{number}] {text}" for text, number in numbers.items()]


def _note(text: str) -> str:
    """A note; a signature is one long word, which may be broken at its commas."""
    return latex_text(text).replace(",", r",\allowbreak{}")


def _row(cells: Sequence[str]) -> str:
    # A line that begins with "[" would be read as an argument of the "\\" before it.
    first = rf"{{}}{cells[0]}" if cells[0].startswith("[") else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"
