"""A small table of text, which every form of a report shows in its own way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

from ..files.shown_text import inert_line

UNDEFINED = "–"
"""What stands in a cell for a number that is undefined or was not reported; never a zero."""

SIDES = "± or +/−:"
"""How the note begins that says what the interval of a number is."""

_UNEVEN = 0.25
"""Sides that differ by more than this share of the larger one are written apart."""

Aside = Literal["", "groups", "images"]
Tone = Literal["good", "odd", "bad"]


class Measured(str):
    """The text of a number with its interval, which still knows the number.

    ``62.03 ± 0.41``, ``97.50 +1.5 −2.8`` where the sides differ, ``62.03`` without an interval; a
    difference is ``+12.50 [+3.10, +20.00]``.

    Attributes:
        value: in the units of the column.
        low, high: ends of the interval; None without one.
        mark: what follows, such as `` [a]`` for a footnote.
        difference: whether it has a sign and the ends of the interval instead of its sides.
        digits: after the point; None for two, and one for the sides of wide intervals.
    """

    value: float
    low: float | None
    high: float | None
    mark: str
    difference: bool
    digits: int | None

    def __new__(
        cls,
        value: float,
        low: float | None = None,
        high: float | None = None,
        mark: str = "",
        *,
        difference: bool = False,
        digits: int | None = None,
    ) -> Self:
        """The text, with two digits after the point where no number of them is given."""
        if low is None or high is None:
            low = high = None
        text = _text(value, low, high, difference, digits)
        made = super().__new__(cls, f"{text}{mark}")
        made.value, made.low, made.high, made.mark = value, low, high, mark
        made.difference, made.digits = difference, digits
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """What a copy is made of."""
        how: dict[str, object] = {"difference": self.difference, "digits": self.digits}
        return (self.value, self.low, self.high, self.mark), how

    def marked(self, mark: str) -> Measured:
        """The same with something behind it."""
        more = self.mark + mark
        return Measured(
            *(self.value, self.low, self.high, more),
            difference=self.difference,
            digits=self.digits,
        )

    def written(self, digits: int | None, intervals: bool) -> Measured:
        """The same with so many digits after the point, with or without its interval."""
        bounds = (self.low, self.high) if intervals else (None, None)
        return Measured(self.value, *bounds, self.mark, difference=self.difference, digits=digits)

    @property
    def sides(self) -> tuple[str, str] | None:
        """How far the interval reaches up and down; None without one."""
        if self.low is None or self.high is None:
            return None
        up, down = max(self.high - self.value, 0.0), max(self.value - self.low, 0.0)
        return _side(up, self.digits), _side(down, self.digits)


def _side(width: float, digits: int | None = None) -> str:
    """``1.5``, or ``0.41`` for what is less than one."""
    if digits is not None:
        return f"{width:.{digits}f}"
    return f"{width:.1f}" if width >= 1 else f"{width:.2f}"


def _text(
    value: float, low: float | None, high: float | None, difference: bool, digits: int | None
) -> str:
    places = 2 if digits is None else digits
    shown = f"{value:+.{places}f}" if difference else f"{value:.{places}f}"
    if low is None or high is None:
        return shown
    if difference:
        return f"{shown} [{low:+.{places}f}, {high:+.{places}f}]"
    up, down = max(high - value, 0.0), max(value - low, 0.0)
    larger = max(up, down)
    if larger - min(up, down) > _UNEVEN * larger:
        return f"{shown} +{_side(up, digits)} −{_side(down, digits)}"
    return f"{shown} ± {_side(larger, digits)}"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text under a title, with notes below. Columns of numbers are aligned right.

    ``bold`` holds (row, column) of cells to stand out: bold, or a star in plain text. ``rules``
    are the rows before which a thin line stands where the form has one.

    Attributes:
        spare: places of columns that a narrow terminal may leave out, the first of them first.
        groups: rows that belong to a group of the prompts, which plain text has with ``--by`` only.
        aside: what the whole table is beside the result: ``groups`` of the prompts, or ``images``.
        signatures: how the rows were measured, for files and ``--signature``.
        smaller: names of columns whose smaller numbers are the better ones.
        caption: what LaTeX calls the table; the title where it is empty.
        label: what LaTeX refers to it by; made of the title where it is empty.
        tones: by the text of a cell how it is coloured on a terminal.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    notes: Sequence[str] = ()
    bold: frozenset[tuple[int, int]] = frozenset()
    rules: Sequence[int] = ()
    spare: Sequence[int] = ()
    groups: frozenset[int] = frozenset()
    aside: Aside = ""
    signatures: Sequence[str] = ()
    smaller: frozenset[str] = frozenset()
    caption: str = ""
    label: str = ""
    tones: Mapping[str, Tone] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Whatever form it is printed in, no text of it is more than text on one line."""
        rows = [[_inert_cell(cell) for cell in row] for row in self.rows]
        object.__setattr__(self, "rows", rows)
        for name in ("columns", "notes", "signatures"):
            object.__setattr__(self, name, [inert_line(text) for text in getattr(self, name)])
        for name in ("title", "caption"):
            object.__setattr__(self, name, inert_line(getattr(self, name)))

    @property
    def right(self) -> list[bool]:
        """For each column whether it holds numbers, which are aligned right."""
        columns = [[row[i] for row in self.rows if row[i]] for i in range(len(self.columns))]
        return [bool(cells) and all(map(_is_number, cells)) for cells in columns]


def _inert_cell(cell: str) -> str:
    return cell if isinstance(cell, Measured) else inert_line(cell)


def _is_number(cell: str) -> bool:
    return isinstance(cell, Measured) or cell[0].isdigit() or cell.startswith(UNDEFINED)
