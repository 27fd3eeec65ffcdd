"""The objects of the lab's world: a drawing for each COCO and T2I-CompBench name.

``pictograms.json`` has a list of flat shapes by object name: ``[kind, CSS colour, [x, y, ...],
*rest]``. Coordinates are fractions of the pictogram's square, x to the right and y down; a drawing
touches the square's edges along its longer side. ``rest`` is the corner radius of a rectangle
(none: 0), the width of a line, and the width, start and end (degrees, clockwise from three
o'clock) of an arc.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

Pictogram = list[list[Any]]

PICTOGRAMS: dict[str, Pictogram] = json.loads(
    Path(__file__).with_suffix(".json").read_text("utf-8")
)
"""Drawings by object name; the order is part of the world and never changes."""
NAMES: tuple[str, ...] = tuple(PICTOGRAMS)

_SUPERSAMPLING = 8


def render(pictogram: Pictogram, size: int) -> Image.Image:
    """An RGBA image of ``size`` x ``size`` pixels, antialiased, on a transparent ground."""
    side = size * _SUPERSAMPLING
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for kind, color, numbers, *rest in pictogram:
        _paint(draw, side, kind, color, [v * (side - 1) for v in numbers], rest)
    return image.resize((size, size), Image.Resampling.BOX)


def _paint(
    draw: ImageDraw.ImageDraw,
    side: int,
    kind: str,
    color: str,
    numbers: list[float],
    rest: list[float],
) -> None:
    if kind == "ellipse":
        draw.ellipse(numbers, fill=color)
    elif kind == "rectangle":
        draw.rounded_rectangle(numbers, (rest[0] if rest else 0.0) * side, fill=color)
    elif kind == "polygon":
        draw.polygon(numbers, fill=color)
    else:
        width = max(1, round(rest[0] * side))
        if kind == "arc":
            draw.arc(numbers, rest[1], rest[2], fill=color, width=width)
            return
        draw.line(numbers, fill=color, width=width, joint="curve")
        r = width / 2
        for x, y in zip(numbers[::2], numbers[1::2], strict=True):
            draw.ellipse((x - r, y - r, x + r, y + r), fill=color)
