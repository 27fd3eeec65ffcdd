"""Tables for a paper: LaTeX that is pasted as it is, into one column or across two.

Nothing is scaled: a table that is too wide for a column becomes a ``table*``, its long names are
folded, and columns that do not fit even there follow below, with the names again. Where a document
has larger text than its columns were measured for, as an article at 12 points, TeX takes the next
smaller size, in that table alone. No package is needed; with booktabs the lines are finer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from .latex_text import BOLD, SCRIPT, breakable, header, header_width, latex_text, width
from .paper_table import as_sentence, for_paper
from .tables import Measured, Table
from .view import View

_COLUMN, _PAGE = 204.0, 424.0
"""Points that a table may take in the narrowest usual column and across two of them. The size of
text is 10; a table fits the columns of an article at 11, too."""
_GAP = 8.0
"""Points between two columns of a table."""
_NARROWEST = 62.0
"""Points that a column of text keeps."""
_STRETCH = 1.25
"""How far the rows of a table with intervals are apart: no interval touches the next row's."""
_HEIGHT, _LINE, _NOTE_LINE, _FRAME = 456.0, 12.0, 9.5, 30.0
"""Points of a page, of a line of text and of a note, and around the rows of a table."""

_RULES = ("toprule", "midrule", "bottomrule")


def latex(tables: Sequence[Table], view: View) -> str:
    """The tables as floats, one below the other; those of images only where there are no others.

    Args:
        view: whether signatures are printed; they are comments otherwise.
    """
    shown = [one for one in tables if one.aside != "images"] or list(tables)
    labels: set[str] = set()
    found: list[str] = []
    for table in shown:
        label = _label(table.label or table.title, labels)
        found += _floats(for_paper(table, bool(view.columns)), label, view)
    return "\n\n".join(found)


def _label(text: str, used: set[str]) -> str:
    slug = text.removeprefix("tab:") if re.fullmatch(r"tab:[\w:.-]+", text, re.ASCII) else ""
    slug = slug or re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-") or "results"
    name, number = f"tab:{slug}", 1
    while name in used:
        number += 1
        name = f"tab:{slug}-{number}"
    used.add(name)
    return name


def _floats(table: Table, label: str, view: View) -> Iterator[str]:
    """The table, on several pages where it is too long for one."""
    layout = _Layout(table)
    notes = list(map(as_sentence, table.notes))
    notes += table.signatures if view.signature else ()
    pages = list(layout.pages(f"Table 10: {table.title} (continued)", " ".join(notes)))
    for number, rows in enumerate(pages):
        last = number == len(pages) - 1
        title = f"{table.title} (continued)" if number and table.title else table.title
        shown = _float(layout, rows, title, label if not number else "", notes if last else [])
        yield "\n".join(shown) + (_comments(table) if last and not view.signature else "")


def _float(
    layout: _Layout, rows: Sequence[int], title: str, label: str, notes: Sequence[str]
) -> Iterator[str]:
    environment, room = "table*" if layout.wide else "table", layout.room
    yield rf"\begin{{{environment}}}"
    yield r"\centering"
    if title:
        yield rf"\caption{{{breakable(title, room)}}}"
        yield from [rf"\label{{{label}}}"] if label else []
    yield rf"\sloppy\setlength{{\tabcolsep}}{{{_GAP / 2:g}pt}}%"
    for size in ("small", "footnotesize"):
        yield rf"\ifdim{layout.width / 10 + 0.1:.1f}em>\hsize\{size}\fi"
    body = [line for block in layout.blocks for line in layout.drawn(block, rows)]
    if layout.spread:
        yield r"\renewcommand{\arraystretch}{" + f"{_STRETCH:g}" + "}%"
    if any(r"\text{" in line for line in body):
        yield r"\providecommand{\text}[1]{\mathrm{#1}}%"
    yield "".join(rf"\providecommand{{\{rule}}}{{\hline}}" for rule in _RULES) + "%"
    yield from body
    if notes:
        told = " ".join(breakable(note, room) for note in notes)
        yield rf"\par\smallskip{{\footnotesize\raggedright {told}\par}}"
    yield rf"\end{{{environment}}}"


def _comments(table: Table) -> str:
    return "".join(f"\n% {signature}" for signature in table.signatures)


class _Layout:
    """Which columns stand beside each other, and how wide each is."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.fixed = table.right
        cells = (cell for row in table.rows for cell in row)
        self.spread = any(isinstance(cell, Measured) and cell.sides for cell in cells)
        self.needed = [self._natural(place) for place in range(len(table.columns))]
        self.least = [
            need if self.fixed[place] else min(need, _NARROWEST)
            for place, need in enumerate(self.needed)
        ]
        every = list(range(len(table.columns)))
        self.wide = self._total(self.least, every) > _COLUMN
        self.room = _PAGE if self.wide else _COLUMN
        self.blocks = self._blocks(every, len(every))
        # As many columns in each as there can be.
        even = self._blocks(every, -(-(len(every) - 1) // len(self.blocks)))
        if len(even) == len(self.blocks):
            self.blocks = even

    def _blocks(self, places: Sequence[int], most: int) -> list[list[int]]:
        """The columns in blocks that fit, each with the first and at most so many others."""
        found = [list(places[:1])]
        for place in places[1:]:
            block = [*found[-1], place]
            full = len(block) > most + 1 or self._total(self.least, block) > self.room
            if full and len(block) > 2:
                block = [places[0], place]
                found.append(block)
            found[-1] = block
        return found

    def _natural(self, place: int) -> float:
        cells = [self._width(number, place) for number in range(len(self.table.rows))]
        return max([header_width(self.table.columns[place]), *cells])

    def _width(self, number: int, place: int) -> float:
        cell = self.table.rows[number][place]
        scale = BOLD if (number, place) in self.table.bold else 1.0
        if not isinstance(cell, Measured):
            return scale * max(width(cell), header_width(cell))
        sides = cell.sides
        script = 1 + SCRIPT * max(map(width, (f"+{side}" for side in sides))) if sides else 0.0
        return scale * width(cell.written(cell.digits, False)) + script

    @property
    def width(self) -> float:
        """Points of the widest block, at text of 10."""
        return max(
            sum(widths.values()) + _GAP * (len(widths) - 1)
            for widths in map(self._widths, self.blocks)
        )

    @staticmethod
    def _total(widths: Sequence[float], places: Sequence[int]) -> float:
        return sum(widths[place] for place in places) + _GAP * (len(places) - 1)

    def _widths(self, places: Sequence[int]) -> Mapping[int, float]:
        """Columns of text made narrower, the widest first, as far as is needed."""
        widths = list(self.needed)
        while self._total(widths, places) > self.room:
            able = [place for place in places if widths[place] > self.least[place]]
            if not able:
                break
            widest = max(able, key=lambda place: widths[place])
            widths[widest] = max(self.least[widest], widths[widest] - 4)
        return {place: widths[place] for place in places}

    def pages(self, title: str, notes: str) -> Iterator[list[int]]:
        """The rows of each page, so that all of it is as high as a page at most.

        Args:
            title: of every page.
            notes: of the last page.
        """
        told = _LINE * (1 + width(title) // (0.85 * self.room))
        room = _HEIGHT - told - _FRAME * len(self.blocks)
        below = _NOTE_LINE * (1 + 0.84 * width(notes) // (0.92 * self.room)) if notes else 0.0
        page: list[int] = []
        used, last = 0.0, len(self.table.rows) - 1
        for number, height in enumerate(self._heights()):
            more = below if number == last else 0.0
            if page and used + height + more > room:
                yield page
                page, used = [], 0.0
            page.append(number)
            used += height
        yield page

    def _heights(self) -> list[float]:
        """Of each row, in all blocks together."""
        line = _LINE * (_STRETCH if self.spread else 1.0)
        heights = [0.0] * len(self.table.rows)
        for block in self.blocks:
            widths = self._widths(block)
            for number in range(len(heights)):
                needed = {place: self._width(number, place) for place in block}
                folds = (
                    int(needed[place] / (0.8 * widths[place])) + 1
                    for place in block
                    if widths[place] < needed[place]
                )
                heights[number] += line * max(folds, default=1)
        return heights

    def drawn(self, places: Sequence[int], rows: Sequence[int]) -> Iterator[str]:
        """A block of columns."""
        widths = self._widths(places)
        if places != self.blocks[0]:
            yield r"\par\medskip"
        alignment = "".join("r" if self.fixed[place] else "l" for place in places)
        yield rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}"
        yield r"\toprule"
        names = [self.table.columns[place] for place in places]
        folded = [
            header(name) if header_width(name) <= widths[place] + 0.1 else _box(name, widths[place])
            for name, place in zip(names, places, strict=True)
        ]
        yield _row(folded)
        yield r"\midrule"
        for number in rows:
            if number in self.table.rules and number != rows[0]:
                yield r"\midrule"
            yield _row([self._cell(number, place, widths[place]) for place in places])
        yield r"\bottomrule"
        yield r"\end{tabular}"

    def _cell(self, number: int, place: int, room: float) -> str:
        cell = self.table.rows[number][place]
        bold = (number, place) in self.table.bold
        if isinstance(cell, Measured):
            return _number(cell, bold)
        if self._width(number, place) > room + 0.1:
            shown = _box(cell, room)
        else:
            shown = header(cell) if self.table.columns[place] == "metric" else latex_text(cell)
        return rf"\textbf{{{shown}}}" if bold else shown


def _number(cell: Measured, bold: bool) -> str:
    r"""``\textbf{62.03}$^{+0.4}_{-0.4}$``."""
    plain = Measured(cell.value, difference=cell.difference, digits=cell.digits)
    sign = f"${plain[0]}$" if plain[0] in "+-" else ""
    text = plain[1:] if sign else str(plain)
    shown = rf"\textbf{{{sign}{text}}}" if bold else f"{sign}{text}"
    if cell.sides:
        up, down = cell.sides
        shown += f"$^{{+{up}}}_{{-{down}}}$"
    return shown + latex_text(cell.mark)


def _box(text: str, room: float) -> str:
    """Text in lines of that many points; its width goes with the size of the document's text."""
    return rf"\parbox[t]{{{room / 10:.2f}em}}{{\raggedright {breakable(text, room)}\strut}}"


def _row(cells: Sequence[str]) -> str:
    # "[" and "*" would be read as an argument of the "\\" or of the line before it.
    first = rf"{{}}{cells[0]}" if cells[0].startswith(("[", "*")) else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"
