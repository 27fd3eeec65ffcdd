"""A table as a terminal of a given width can show it: no line is wider, and no number is broken.

Long text is folded in its cell. Where that is not enough, columns that the table can spare are left
out and counted below it; with ``wide`` they follow in blocks, every block with the first column
again. Where not even two columns fit, the rows follow each other, one cell on a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING

from .tables import UNDEFINED, Measured, Table

if TYPE_CHECKING:
    from rich.text import Text

_GAP = 2
"""Characters between two columns."""
_NARROWEST = 14
"""Characters that a column of text keeps."""
_INDENT = "  "

_TONES = {"good": "green", "odd": "yellow", "bad": "bold red"}
_BEST = "bold green"
_BREAKS = re.compile(r"[^,;/()_-]*[,;/()_-]?")
"""Where a word that is too long for its line is broken."""


def grid(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    right: Sequence[bool],
    style: str = "simple",
) -> str:
    """The table as wide as it is, in a style of tabulate."""
    from tabulate import tabulate

    made: str = tabulate(
        rows,
        headers=columns,
        tablefmt=style,
        disable_numparse=True,
        colalign=["right" if yes else "left" for yes in right] if rows else None,
    )
    return made


def plain(table: Table) -> str:
    """As text of any width, the best numbers with a star."""
    rows = [[str(cell) for cell in row] for row in _starred(table)]
    parts = [table.title, grid(table.columns, rows, table.right), *table.notes]
    return "\n".join(part for part in parts if part)


def fitted(table: Table, width: int, *, wide: bool = False, colour: bool = False) -> str:
    """As text in lines of at most ``width`` cells of a terminal.

    Args:
        wide: with the columns that the table can spare.
        colour: with bold and colours.
    """
    layout = _Layout(table, width)
    blocks, hidden = layout.blocks(wide)
    parts = [_styled(folded(table.title, width), "bold", colour)] if table.title else []
    if blocks is None:
        parts.append(_stacked(table, [i for i in layout.order if i not in hidden], width, colour))
    else:
        parts.append("\n\n".join(layout.drawn(block, colour) for block in blocks))
    notes = list(table.notes)
    if hidden:
        names = ", ".join(table.columns[place] for place in sorted(hidden))
        many = f"{len(hidden)} columns are" if len(hidden) > 1 else "1 column is"
        notes.append(f"{many} hidden: {names} (--wide shows all)")
    parts += [_styled(folded(note, width, hanging=True), "dim", colour) for note in notes]
    return "\n".join(parts)


def folded(text: str, width: int, *, hanging: bool = False) -> str:
    """Text in lines of at most ``width`` cells, broken at spaces, in long words at commas.

    Args:
        hanging: with every line but the first indented, where there is room for it.
    """
    from rich.cells import cell_len, chop_cells

    indent = _INDENT if hanging and width > 4 * len(_INDENT) else ""
    room = max(width - len(indent), 2)
    lines, line = [], ""
    for word in text.split(" "):
        pieces = [word] if cell_len(word) <= room else _BREAKS.findall(word)
        glue = " " if line else ""
        for piece in pieces:
            if line and cell_len(line + glue + piece) > room:
                lines.append(line)
                line, glue = "", ""
            if cell_len(piece) > room:
                *full, piece = chop_cells(piece, room)
                lines += full
            line, glue = line + glue + piece, ""
    return f"\n{indent}".join([*lines, line])


class _Layout:
    """Which columns of a table fit, and how wide each may be."""

    def __init__(self, table: Table, width: int) -> None:
        from rich.cells import cell_len

        self.table, self.width, self.rows = table, width, _starred(table)
        # A column without a word, as that of images beside papers alone, says nothing.
        told = [
            not self.rows or any(row[i] for row in self.rows) for i in range(len(table.columns))
        ]
        self.order = [place for place, words in enumerate(told) if words or not place]
        self.fixed = table.right
        self.needed = []
        self.least = []
        for place, (name, *cells) in enumerate(zip(table.columns, *self.rows, strict=True)):
            longest = max(map(cell_len, cells), default=0)
            numbers = [cell_len(cell) for cell in cells if isinstance(cell, Measured)]
            if self.fixed[place]:
                self.needed.append(max(longest, cell_len(name)))
                self.least.append(self.needed[-1])
            else:
                self.needed.append(max(longest, cell_len(name)))
                self.least.append(max(min(self.needed[-1], _NARROWEST), *numbers, 1))

    def blocks(self, wide: bool) -> tuple[list[list[int]] | None, set[int]]:
        """The columns of each block, None where no two fit beside each other; those left out."""
        shown, hidden = list(self.order), set[int]()
        for place in () if wide else (one for one in self.table.spare if one in shown):
            if _total([self.least[i] for i in shown]) <= self.width:
                break
            shown.remove(place)
            hidden.add(place)
        found = [shown[:1]]
        for place in shown[1:]:
            if len(found[-1]) > 1 and self._least([*found[-1], place]) > self.width:
                found.append(shown[:1])
            found[-1].append(place)
        fits = all(self._least(block) <= self.width for block in found)
        return (found if fits else None), hidden

    def _least(self, places: Sequence[int]) -> int:
        return _total([self.least[i] for i in places])

    def drawn(self, places: Sequence[int], colour: bool) -> str:
        """A block with those columns."""
        from rich.box import Box
        from rich.table import Table as Drawing

        widths = self._widths(places)
        lines = Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n")
        drawing = Drawing(
            box=lines, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold"
        )
        for place in places:
            drawing.add_column(
                _text(folded(self.table.columns[place], widths[place])),
                justify="right" if self.fixed[place] else "left",
                width=widths[place],
                no_wrap=True,
            )
        for number, row in enumerate(self.rows):
            if number and number in self.table.rules:
                drawing.add_section()
            drawing.add_row(
                *(
                    _text(self._folded(row[i], widths[i]), _style(self.table, number, i))
                    for i in places
                )
            )
        return _printed(drawing, self.width, colour)

    def _folded(self, cell: str, width: int) -> str:
        return str(cell) if isinstance(cell, Measured) else folded(cell, width)

    def _widths(self, places: Sequence[int]) -> Mapping[int, int]:
        """The columns of text made narrower, the widest first, as far as is needed."""
        widths = {place: self.needed[place] for place in places}
        while _total(list(widths.values())) > self.width:
            able = [i for i in places if widths[i] > self.least[i]]
            widths[max(able, key=lambda i: widths[i])] -= 1
        return widths


def _stacked(table: Table, places: Sequence[int], width: int, colour: bool) -> str:
    """Each row by itself, its first cell above the others."""
    from rich.cells import cell_len

    found = []
    for number, row in enumerate(_starred(table)):
        first, *others = places
        lines = [_styled(folded(row[first], width), "bold", colour)]
        for place in others:
            name, cell = table.columns[place], row[place]
            style = _style(table, number, place)
            if not cell:
                continue
            if name and cell_len(f"{_INDENT}{name} {cell}") <= width:
                lines.append(f"{_INDENT}{name} {_styled(cell, style, colour)}")
                continue
            whole = cell_len(cell)
            indent = "" if width - len(2 * _INDENT) < whole <= width else 2 * _INDENT
            indent = indent if width > _NARROWEST else ""
            if name:
                lines.append(_indented(folded(name, max(width - len(_INDENT), 2)), _INDENT, width))
            told = folded(cell, width - len(indent))
            lines.append(_indented(_styled(told, style, colour), indent, width))
        found.append("\n".join(lines))
    return "\n".join(found)


def _indented(text: str, indent: str, width: int) -> str:
    return text if len(indent) >= width else "\n".join(indent + one for one in text.split("\n"))


def _starred(table: Table) -> list[list[str]]:
    """The cells, the best numbers with a star behind them."""
    return [
        [
            _with_star(cell) if (number, place) in table.bold else cell
            for place, cell in enumerate(row)
        ]
        for number, row in enumerate(table.rows)
    ]


def _with_star(cell: str) -> str:
    if isinstance(cell, Measured):
        return cell.marked(" *")
    return f"{cell} *"


def _style(table: Table, number: int, place: int) -> str:
    cell = table.rows[number][place]
    if (number, place) in table.bold:
        return _BEST
    if cell == UNDEFINED:
        return "dim"
    return _TONES[table.tones[cell]] if cell in table.tones else ""


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _text(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style)


def _styled(text: str, style: str, colour: bool) -> str:
    if not (colour and style and text):
        return text
    from rich.color import ColorSystem
    from rich.style import Style

    made = Style.parse(style)
    lines = text.split("\n")
    return "\n".join(made.render(line, color_system=ColorSystem.STANDARD) for line in lines)


def _printed(shown: object, width: int, colour: bool) -> str:
    """What rich draws, without the spaces that end its lines."""
    from rich.console import Console

    out = StringIO()
    console = Console(
        file=out,
        width=width,
        height=1,  # With both, no TERM makes it 80 columns wide.
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        highlight=False,
        legacy_windows=False,
    )
    console.print(shown, end="")
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))
