"""A benchmark of coloured squares, a method that paints them, and a detector that sees colours."""

from __future__ import annotations

COLOURS = {
    "red square": (220, 30, 30),
    "green square": (30, 180, 60),
    "blue square": (40, 60, 220),
    "yellow square": (230, 210, 40),
}
