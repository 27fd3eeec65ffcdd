"""Where a table is shown: how wide that is, and whether in colour."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

_UNKNOWN = 80
"""Columns of a terminal that does not say how many it has: one of a script may say 0."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a table is shown: its columns, None for a pipe or a file, and whether in colour."""

    width: int | None = None
    colour: bool = False

    @classmethod
    def of_stdout(cls) -> Screen:
        """The terminal that the output goes to; plain under ``NO_COLOR`` and for a dumb one."""
        width = terminal_width()
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(width, width is not None and not plain)


def terminal_width(out: TextIO | None = None) -> int | None:
    """Columns of the terminal that the output goes to, at least one; None for a pipe or a file.

    Args:
        out: None is the stdout that the process began with.
    """
    out = sys.__stdout__ if out is None else out
    try:
        if out is None or not out.isatty():
            return None
        return os.get_terminal_size(out.fileno()).columns or _unsaid()
    except (OSError, ValueError):
        return None


def _unsaid() -> int:
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) else _UNKNOWN
