"""A table as a terminal of a given width can show it.

Long text is wrapped in its cell; where that is not enough, the columns of numbers follow each other
in blocks, every block with the first columns again.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

_GAP = 2
"""Characters between two columns."""
_HEADER = 2
"""Characters that tabulate adds to the name of a column."""
_NARROWEST = 18
"""Characters that a column of text keeps."""


_UNKNOWN = 80
"""Columns of a terminal that does not say how many it has: one of a script may say 0."""


def terminal_width() -> int | None:
    """Columns of the terminal that the output goes to, at least one; None for a pipe or a file."""
    out = sys.__stdout__
    try:
        if out is None or not out.isatty():
            return None
        return os.get_terminal_size(out.fileno()).columns or _UNKNOWN
    except (OSError, ValueError):
        return None


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


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool], width: int
) -> str:
    """The table in lines of at most ``width`` characters, where its columns allow it.

    Args:
        right: for each column whether it is aligned right; those are never wrapped.
    """
    needed = [
        max(len(name) + _HEADER, *map(len, cells), 0)
        for name, *cells in zip(columns, *rows, strict=True)
    ]
    labels = next((place for place, yes in enumerate(right) if yes), 1) or 1
    shown = _narrowed(needed, right, width)
    blocks: list[list[int]] = [[]]
    for place in range(labels, len(columns)):
        used = [*range(labels), *blocks[-1], place]
        if blocks[-1] and _total([shown[i] for i in used]) > width:
            blocks.append([])
        blocks[-1].append(place)
    found = []
    for block in blocks:
        places = [*range(labels), *block]
        # A block that needs less than the whole table leaves its text more room.
        widths = _narrowed([needed[i] for i in places], [right[i] for i in places], width)
        cells = [
            [_in_cell(row[i], chars, right[i]) for i, chars in zip(places, widths, strict=True)]
            for row in rows
        ]
        found.append(grid([columns[i] for i in places], cells, [right[i] for i in places]))
    return "\n\n".join(found)


def wrapped(text: str, width: int) -> str:
    """A note in lines of at most ``width`` characters; a long word keeps its line to itself."""
    lines = textwrap.wrap(
        text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines)


def _narrowed(needed: Sequence[int], right: Sequence[bool], width: int) -> list[int]:
    """Widths with the columns of text made narrower, the widest first, as far as they may be."""
    shown = list(needed)
    while _total(shown) > width:
        able = [i for i, yes in enumerate(right) if not yes and shown[i] > _NARROWEST]
        if not able:
            break
        shown[max(able, key=lambda i: shown[i])] -= 1
    return shown


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _in_cell(cell: str, width: int, right: bool) -> str:
    if right or len(cell) <= width:
        return cell
    return "\n".join(textwrap.wrap(cell, width, break_on_hyphens=False))
