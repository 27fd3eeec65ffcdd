"""How well each pair of objects comes out, as a map of coloured cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...plugins import ScoreTable
from .svg import FAINT, image, tag, text

if TYPE_CHECKING:
    from markupsafe import Markup

_BINS = 10
_TITLE = 16
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
    """The map as SVG: one path a colour, so that 6,000 cells stay small."""
    size = len(pairs.objects)
    cell = max(6.0, min(22.0, 520 / size))
    named = size <= _NAMES_UP_TO
    margin = 12 + (6.0 * max(map(len, pairs.objects)) * min(1.0, cell / 11) if named else 0.0)
    paths: dict[int, list[str]] = {}
    for (row, column), value in pairs.share.items():
        level = (value + 1) / 2 if pairs.signed else value
        paths.setdefault(min(_BINS, int(level * _BINS + 0.5)), []).append(
            f"M{column} {row}h1v1h-1z"
        )
    cells = [
        tag("path", d="".join(parts), fill=_colour(level, pairs.signed))
        for level, parts in sorted(paths.items())
    ]
    move = f"translate({margin:.1f} {margin + _TITLE:.1f}) scale({cell:.3f})"
    told = "Change by pair of objects" if pairs.signed else "Mean score by pair of objects"
    parts = [
        text(0, 12, told, font_size=12, font_weight="600"),
        tag("g", *cells, transform=move, class_="cells"),
    ]
    if named:
        for i, name in enumerate(pairs.objects):
            at = margin + (i + 0.7) * cell
            small = min(11.0, cell)
            level = at + _TITLE
            parts.append(text(margin - 4, level, name, "end", fill=FAINT, font_size=small))
            up = margin + _TITLE - 4
            turned = f"rotate(-90 {at:.1f} {up:.1f})"
            parts.append(text(at, up, name, fill=FAINT, font_size=small, transform=turned))
    side = max(margin + size * cell + 8, 230.0)
    below = margin + _TITLE + size * cell + 8
    parts += _legend(below, pairs.signed)
    return image(side, below + 16, told, *parts)


def _legend(y: float, signed: bool) -> list[Markup]:
    words = ("−100", "+100 points") if signed else ("0", "100 %")
    parts = [text(26, y + 10, words[0], "end", fill=FAINT, font_size=10)]
    parts += [
        tag("rect", x=30 + 12 * level, y=y, width=12, height=12, fill=_colour(level, signed))
        for level in range(_BINS + 1)
    ]
    parts.append(text(34 + 12 * (_BINS + 1), y + 10, words[1], fill=FAINT, font_size=10))
    return parts


def _colour(level: int, signed: bool) -> str:
    """From pale to blue; signed from red over pale to blue. A mix, so that dark pages agree."""
    share = 100 * level / _BINS
    if not signed:
        return f"color-mix(in oklab, var(--s1,#3b6fd4) {share:.0f}%, var(--cell,#e9edf3))"
    way = "var(--s1,#3b6fd4)" if share >= 50 else "var(--wrong,#d1495b)"
    return f"color-mix(in oklab, {way} {abs(share - 50) * 2:.0f}%, var(--cell,#e9edf3))"


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
