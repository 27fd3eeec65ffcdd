"""The lab's world: scenes of one or two pictograms, drawn with exact boxes and masks.

Images are square, ``SIDE`` pixels, RGB; x grows to the right and y downwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from ..relations import Relation
from .captions import caption, held_out
from .pictograms import NAMES, PICTOGRAMS, render

SIDE = 64
SIZES = (18, 26)
"""Smallest and largest pictogram, in pixels of its square."""
RELATION_ACCURACY = 0.55
"""How often a training caption's relation is the image's; otherwise it is the inverse."""

_DIRECTIONAL = (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW)

UInt8Array = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Placement:
    """One object of a scene: its drawing and where its square's corner is, in pixels."""

    name: str
    size: int
    x: int
    y: int
    mirrored: bool
    brightness: float


@dataclass(frozen=True, slots=True)
class Scene:
    """What an image shows and what its caption says (which may differ about the relation).

    ``called`` are the objects' names as they stand in the caption; ``relation`` is the
    caption's, None where it names none.
    """

    placements: tuple[Placement, ...]
    caption: str
    called: tuple[str, ...]
    relation: Relation | None
    backdrop: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A drawn scene.

    Attributes:
        image: uint8, (SIDE, SIDE, 3).
        masks: bool, (objects, SIDE, SIDE): visible pixels of each object.
        boxes: float32, (objects, 4): tight corners x0, y0, x1, y1 of the visible pixels.
    """

    image: UInt8Array
    masks: BoolArray
    boxes: FloatArray


@cache
def _sprite(name: str, size: int, mirrored: bool) -> tuple[FloatArray, FloatArray]:
    """Colour (size, size, 3) in 0..255 and opacity (size, size, 1) in 0..1."""
    rgba = np.asarray(render(PICTOGRAMS[name], size), dtype=np.float32)
    if mirrored:
        rgba = rgba[:, ::-1]
    return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3:] / 255.0)


def backdrop(seed: int) -> FloatArray:
    """A pale background: flat, a gradient, or a wall and a floor; float32 (SIDE, SIDE, 3)."""
    rng = np.random.default_rng(seed)
    first = rng.uniform(195, 250, 3)
    second = np.clip(first + rng.uniform(-35, 35, 3), 180, 252)
    kind = rng.integers(3)
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)
    if kind == 0:
        mix = np.zeros((SIDE, SIDE), np.float32)
    elif kind == 1:
        mix = np.broadcast_to(ramp[:, None] if rng.random() < 0.5 else ramp[None], (SIDE, SIDE))
    else:
        mix = np.broadcast_to((ramp[:, None] > rng.uniform(0.5, 0.85)), (SIDE, SIDE))
    return (first + mix[..., None] * (second - first)).astype(np.float32)


def draw(scene: Scene) -> Rendered:
    """Paint a scene; later objects cover earlier ones."""
    canvas = backdrop(scene.backdrop)
    masks = np.zeros((len(scene.placements), SIDE, SIDE), dtype=np.bool_)
    for i, p in enumerate(scene.placements):
        color, opacity = _sprite(p.name, p.size, p.mirrored)
        window = canvas[p.y : p.y + p.size, p.x : p.x + p.size]
        window += opacity * (np.minimum(color * p.brightness, 255.0) - window)
        solid = opacity[..., 0] > 0.5
        masks[:i, p.y : p.y + p.size, p.x : p.x + p.size] &= ~solid
        masks[i, p.y : p.y + p.size, p.x : p.x + p.size] = solid
    boxes = np.zeros((len(masks), 4), np.float32)
    for i, mask in enumerate(masks):
        columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
        if len(columns):
            boxes[i] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return Rendered(np.rint(canvas).astype(np.uint8), masks, boxes)


def sample_scene(
    rng: np.random.Generator,
    relation_accuracy: float = RELATION_ACCURACY,
    exclude_held_out: bool = True,
) -> Scene:
    """Draw a training scene: 20 % one object, 25 % "A and B", 55 % a relation.

    Args:
        rng: the scene's randomness; one generator state gives one scene.
        relation_accuracy: probability that the caption's relation is the image's.
        exclude_held_out: never pair two names that the evaluation keeps for itself.
    """
    kind = rng.random()
    if kind < 0.2:
        name = NAMES[rng.integers(len(NAMES))]
        text, called = caption(rng, [name], None)
        size = int(rng.integers(SIZES[0], SIZES[1] + 1))
        x, y = (int(v) for v in rng.integers(0, SIDE - size + 1, 2))
        return _scene(rng, [name], [size], [(x, y)], text, called, None)
    while True:
        i, j = (int(v) for v in rng.choice(len(NAMES), 2, replace=False))
        names = [NAMES[i], NAMES[j]]
        if not (exclude_held_out and held_out(*names)):
            break
    relation: Relation | None = None
    shown: Relation | None = None
    if kind >= 0.45:
        relation = Relation.NEAR if rng.random() < 0.15 else _DIRECTIONAL[rng.integers(4)]
        shown = relation if rng.random() < relation_accuracy else relation.inverse
    return scene_of(rng, names, relation, shown)


def scene_of(
    rng: np.random.Generator,
    names: list[str],
    relation: Relation | None,
    shown: Relation | None,
) -> Scene:
    """Two named objects, captioned with ``relation`` (None: "and") and laid out as ``shown``."""
    text, called = caption(rng, names, relation)
    sizes = [int(v) for v in rng.integers(SIZES[0], SIZES[1] + 1, 2)]
    corners = _layout(rng, sizes, shown)
    return _scene(rng, names, sizes, corners, text, called, relation)


def _scene(
    rng: np.random.Generator,
    names: list[str],
    sizes: list[int],
    corners: list[tuple[int, int]],
    text: str,
    called: list[str],
    relation: Relation | None,
) -> Scene:
    placements = tuple(
        Placement(name, size, x, y, bool(rng.random() < 0.5), float(rng.uniform(0.88, 1.1)))
        for name, size, (x, y) in zip(names, sizes, corners, strict=True)
    )
    return Scene(placements, text, tuple(called), relation, int(rng.integers(1 << 20)))


def _layout(
    rng: np.random.Generator, sizes: list[int], shown: Relation | None
) -> list[tuple[int, int]]:
    """Corners of two squares that do not overlap and stand in the relation ``shown``."""
    a, b = sizes
    if shown in (Relation.LEFT, Relation.RIGHT, Relation.ABOVE, Relation.BELOW):
        return _side_by_side(rng, a, b, shown)
    while True:
        xa, ya = (int(v) for v in rng.integers(0, SIDE - a + 1, 2))
        xb, yb = (int(v) for v in rng.integers(0, SIDE - b + 1, 2))
        gap = max(xb - (xa + a), xa - (xb + b), yb - (ya + a), ya - (yb + b))
        if gap >= 0 and (shown is not Relation.NEAR or gap <= 6):
            return [(xa, ya), (xb, yb)]


def _side_by_side(
    rng: np.random.Generator, a: int, b: int, shown: Relation
) -> list[tuple[int, int]]:
    """A before B along the relation's axis, with a gap; the other axis differs less."""
    first_is_a = shown in (Relation.LEFT, Relation.ABOVE)
    first, second = (a, b) if first_is_a else (b, a)
    slack = SIDE - first - second
    start = int(rng.integers(0, slack // 2 + 1))
    other = int(rng.integers(start + first, SIDE - second + 1))
    along = (start, other) if first_is_a else (other, start)
    across_a = int(rng.integers(0, SIDE - a + 1))
    centre = across_a + a / 2 + rng.uniform(-10, 10)
    across_b = int(np.clip(round(centre - b / 2), 0, SIDE - b))
    pairs = list(zip(along, (across_a, across_b), strict=True))
    return pairs if shown.axis == "x" else [(v, u) for u, v in pairs]
