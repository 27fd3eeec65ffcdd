"""The metrics at every detection threshold: how much of a number is the threshold's doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING

from ...plugins import Metric
from ...plugins.metric import values as values_of
from ...plugins.records import BoxRecord
from ...prompts import Prompt
from ...scoring.judging import Judging
from ...scoring.verdicts import build_table
from .svg import FAINT, INK, SERIES, image, line, tag, text

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 520, 240, 34, 30, 48
STEPS = tuple(round(0.05 * step, 2) for step in range(1, 19))


@dataclass(frozen=True)
class Sweep:
    """Metrics by threshold: ``values[key][i]`` belongs to ``thresholds[i]``."""

    thresholds: Sequence[float]
    values: Mapping[str, Sequence[float]]
    images: int


def sweep(
    metrics: Sequence[Metric],
    judging: Judging,
    records: Sequence[tuple[Prompt, BoxRecord]],
) -> Sweep:
    """Judge stored detections again at a row of thresholds.

    Args:
        metrics: to follow.
        judging: that of the run, whose threshold takes its place among the others.
        records: prompt and detections record of each image, a prompt's images together.
    """
    prompts = list(dict.fromkeys(prompt.id for prompt, _ in records))
    by_id = {prompt.id: prompt for prompt, _ in records}
    place = {prompt_id: row for row, prompt_id in enumerate(prompts)}
    thresholds = sorted({*STEPS, judging.threshold})
    values: dict[str, list[float]] = {metric.key: [] for metric in metrics}
    for here in map(judging.at, thresholds):
        rows = [
            (place[prompt.id], record.key[1], here.verdict(prompt, record))
            for prompt, record in records
        ]
        table, _ = build_table([by_id[prompt_id] for prompt_id in prompts], rows)
        found = values_of(metrics, table)
        for key, row in values.items():
            row.append(found.get(key, nan))
    return Sweep(thresholds, values, len(records))


def sweep_chart(swept: Sweep, own: float, title: str) -> Markup:
    """The sweep as lines, the run's own threshold marked."""
    wide, high = _WIDTH - _LEFT - 12, _HEIGHT - _TOP - _BOTTOM
    top = max([1e-9, *_defined(value for row in swept.values.values() for value in row)])
    full = 100.0 if top > 50 else next(f for f in (1, 2, 5, 10, 20, 50, 100) if top <= f)

    def point(threshold: float, value: float) -> tuple[float, float]:
        return _LEFT + wide * threshold, _TOP + high * (1 - value / full)

    parts = [text(0, 12, title, font_size=12, font_weight="600")]
    for tick in (0, 0.25, 0.5, 0.75, 1.0):
        x, y = point(tick, full * tick)
        parts.append(line(_LEFT, y, _LEFT + wide, y))
        parts.append(text(_LEFT - 4, y + 3, f"{full * tick:g}", "end", fill=FAINT, font_size=9))
        parts.append(text(x, _TOP + high + 12, f"{tick:g}", "middle", fill=FAINT, font_size=9))
    at = _LEFT + wide * own
    parts.append(line(at, _TOP - 4, at, _TOP + high, INK))
    parts.append(text(at + 3, _TOP - 2, f"threshold {own:g}", fill=FAINT, font_size=9))
    x = float(_LEFT)
    for number, (key, row) in enumerate(swept.values.items()):
        colour = SERIES[number % len(SERIES)]
        points = [
            point(threshold, value)
            for threshold, value in zip(swept.thresholds, row, strict=True)
            if not isnan(value)
        ]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(tag("polyline", points=path, fill="none", stroke=colour, stroke_width=2))
        parts.append(tag("rect", x=x, y=_HEIGHT - 15, width=10, height=10, fill=colour))
        parts.append(text(x + 14, _HEIGHT - 6, key))
        x += 28 + 6.6 * len(key)
    parts.append(text(_LEFT + wide, _HEIGHT - 6, "detection threshold", "end", fill=FAINT))
    return image(_WIDTH, _HEIGHT, title, *parts)


def _defined(values: Iterable[float]) -> list[float]:
    return [value for value in values if not isnan(value)]
