"""What a pictogram is made of: flat shapes in a unit square, and how they become pixels.

Coordinates are fractions of the pictogram's square, x to the right and y down. A drawing
should touch the square's edges along its longer side, so that its size in an image is the
size that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

Point = tuple[float, float]
_SUPERSAMPLING = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """One flat shape: its kind, its points in the unit square, a CSS colour, a stroke width."""

    kind: Literal["ellipse", "rectangle", "polygon", "line", "arc"]
    points: tuple[Point, ...]
    color: str
    width: float = 0.0
    angles: tuple[float, float] = (0.0, 360.0)
    radius: float = 0.0


Pictogram = tuple[Shape, ...]


def ellipse(x0: float, y0: float, x1: float, y1: float, color: str) -> Shape:
    """A filled ellipse inside the box (x0, y0)-(x1, y1)."""
    return Shape("ellipse", ((x0, y0), (x1, y1)), color)


def rectangle(x0: float, y0: float, x1: float, y1: float, color: str, radius: float = 0.0) -> Shape:
    """A filled rectangle; ``radius`` rounds its corners."""
    return Shape("rectangle", ((x0, y0), (x1, y1)), color, radius=radius)


def polygon(color: str, *points: Point) -> Shape:
    """A filled polygon through ``points``."""
    return Shape("polygon", points, color)


def line(color: str, width: float, *points: Point) -> Shape:
    """A stroke of ``width`` through ``points``, with round ends."""
    return Shape("line", points, color, width)


def arc(
    x0: float, y0: float, x1: float, y1: float, start: float, end: float, color: str, width: float
) -> Shape:
    """A stroke along an ellipse from ``start`` to ``end`` degrees, clockwise from three o'clock."""
    return Shape("arc", ((x0, y0), (x1, y1)), color, width, (start, end))


def render(pictogram: Pictogram, size: int) -> Image.Image:
    """Draw a pictogram on a transparent square.

    Args:
        pictogram: the shapes, painted in order.
        size: side of the square in pixels.

    Returns:
        An RGBA image of ``size`` x ``size``, antialiased.
    """
    side = size * _SUPERSAMPLING
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for shape in pictogram:
        _paint(draw, shape, side)
    return image.resize((size, size), Image.Resampling.BOX)


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, side: int) -> None:
    points = [(x * (side - 1), y * (side - 1)) for x, y in shape.points]
    width = max(1, round(shape.width * side))
    if shape.kind == "polygon":
        draw.polygon(points, fill=shape.color)
    elif shape.kind == "line":
        draw.line(points, fill=shape.color, width=width, joint="curve")
        for x, y in points:
            r = width / 2
            draw.ellipse((x - r, y - r, x + r, y + r), fill=shape.color)
    else:
        (x0, y0), (x1, y1) = points
        if shape.kind == "ellipse":
            draw.ellipse((x0, y0, x1, y1), fill=shape.color)
        elif shape.kind == "rectangle":
            draw.rounded_rectangle((x0, y0, x1, y1), shape.radius * side, fill=shape.color)
        else:
            draw.arc((x0, y0, x1, y1), *shape.angles, fill=shape.color, width=width)
