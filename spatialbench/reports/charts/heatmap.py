"""How well each pair of objects comes out, as a map of coloured cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from ...plugins import ScoreTable
from .svg import FAINT, GRID, PAGE, ZERO, image, room, shortened, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

_BINS = 10
_PALEST = 28
"""How much colour the smallest number has, in percent: enough to see it on light and dark pages."""
_TITLE = 16
_AXIS = 18
_LONGEST = 18
_NAMES_UP_TO = 60
"""More objects than this have no room for their names; the page shows them under the pointer."""


@dataclass(frozen=True)
class PairMap:
    """Mean scores by pair; where an image is right or wrong, its share of right images.

    Attributes:
        objects: names along both sides, the first-named object down, the second across.
        share: (row, column) to a share in [0, 1], or to a difference in [-1, 1].
        images: (row, column) to the images it rests on.
        signed: whether the shares are differences of two runs.
    """

    objects: Sequence[str]
    share: Mapping[tuple[int, int], float]
    images: Mapping[tuple[int, int], int]
    signed: bool = False


def pair_map(table: ScoreTable, minus: ScoreTable | None = None) -> PairMap | None:
    """Mean scores of ``table``, or those less the ones of ``minus``; None without pairs."""
    right, images, names = _counts(table)
    if not names:
        return None
    share = {pair: right[pair] / images[pair] for pair in images}
    if minus is not None:
        before, there, _ = _counts(minus)
        share = {
            pair: value - before[pair] / there[pair]
            for pair, value in share.items()
            if pair in there
        }
    place = {name: i for i, name in enumerate(names)}
    return PairMap(
        names,
        {(place[a], place[b]): value for (a, b), value in share.items()},
        {(place[a], place[b]): count for (a, b), count in images.items()},
        minus is not None,
    )


def heatmap(pairs: PairMap) -> Markup:
    """The map as SVG: one path a colour, so that 6,000 cells stay small.

    Exactly 0 has a colour of its own; where there is no image there is no cell.
    """
    size = len(pairs.objects)
    cell = max(6.0, min(22.0, 520 / size))
    named = size <= _NAMES_UP_TO
    longest = room(pairs.objects, _LONGEST)
    margin = _AXIS + 6 + (6.0 * longest * min(1.0, cell / 11) if named else 0.0)
    top = margin + _TITLE
    paths: dict[int, list[str]] = {}
    for (row, column), value in pairs.share.items():
        paths.setdefault(_level(value), []).append(f"M{column} {row}h1v1h-1z")
    cells = [
        tag("path", d="".join(parts), fill=_colour(level)) for level, parts in sorted(paths.items())
    ]
    move = f"translate({margin:.1f} {top:.1f}) scale({cell:.3f})"
    told = "Change by pair of objects" if pairs.signed else "Mean score by pair of objects"
    extent, middle = size * cell, size * cell / 2
    turn = f"rotate(-90 9 {top + middle:.1f})"
    frame = {"fill": "none", "stroke": GRID}
    parts = [
        title(told),
        text(margin + middle, _TITLE + 14, "second-named object", "middle", fill=FAINT),
        text(9, top + middle, "first-named object", "middle", fill=FAINT, transform=turn),
        tag("rect", x=margin, y=top, width=extent, height=extent, **frame),
        tag("g", *cells, transform=move, class_="cells"),
    ]
    if named:
        for i, name in enumerate(pairs.objects):
            at = margin + (i + 0.7) * cell
            small, words = min(11.0, cell), shortened(name, _LONGEST)
            parts.append(text(margin - 4, at + _TITLE, words, "end", fill=FAINT, font_size=small))
            turned = f"rotate(-90 {at:.1f} {top - 4:.1f})"
            parts.append(text(at, top - 4, words, fill=FAINT, font_size=small, transform=turned))
    side = max(margin + extent + 8, 330.0)
    parts += _legend(top + extent + 10, pairs.signed)
    return image(side, top + extent + 44, told, *parts)


def _legend(y: float, signed: bool) -> list[Markup]:
    levels = range(-_BINS if signed else 0, _BINS + 1)
    wide = 10.0 if signed else 16.0
    parts, x = [], 0.0
    for level in levels:
        parts.append(tag("rect", x=x, y=y, width=wide, height=12, fill=_colour(level)))
        x += wide
    zero = wide * (_BINS + 0.5) if signed else wide / 2
    ends = [("−100", 0.0, "start"), ("0", zero, "middle")] if signed else [("0", zero, "middle")]
    unit = "+100 points" if signed else "100 %"
    for words, at, anchor in [*ends, (unit, x, "end")]:
        parts.append(text(at, y + 25, words, anchor, fill=FAINT, font_size=10))
    parts.append(tag("rect", x=x + 20, y=y + 0.5, width=11, height=11, fill=PAGE, stroke=GRID))
    parts.append(text(x + 36, y + 10, "no image", fill=FAINT, font_size=10))
    return parts


def _level(value: float) -> int:
    """0 for exactly 0, else 1 to 10 away from it, with the value's sign."""
    level = min(_BINS, ceil(abs(value) * _BINS - 1e-9))
    return 0 if value == 0 else max(1, level) * (1 if value > 0 else -1)


def _colour(level: int) -> str:
    """Grey for 0, then from pale to blue, or to red below it. A mix, so that dark pages agree."""
    if level == 0:
        return ZERO
    way = "var(--s1,#2f5fc4)" if level > 0 else "var(--wrong,#b42342)"
    share = _PALEST + (100 - _PALEST) * (abs(level) - 1) / (_BINS - 1)
    return f"color-mix(in srgb, {way} {share:.0f}%, var(--card,#ffffff))"


def _counts(
    table: ScoreTable,
) -> tuple[dict[tuple[str, str], float], dict[tuple[str, str], int], list[str]]:
    score = np.asarray(table.columns["score"], dtype=np.float64)
    size = len(table.prompts)
    by_prompt = np.bincount(table.prompt_row, score, size)
    counts = np.bincount(table.prompt_row, minlength=size)
    right: dict[tuple[str, str], float] = {}
    images: dict[tuple[str, str], int] = {}
    names: set[str] = set()
    for prompt, hits, count in zip(table.prompts, by_prompt, counts, strict=True):
        if len(prompt.objects) != 2 or not count:
            continue
        pair = (prompt.objects[0], prompt.objects[1])
        right[pair] = right.get(pair, 0.0) + float(hits)
        images[pair] = images.get(pair, 0) + int(count)
        names.update(pair)
    return right, images, sorted(names)
