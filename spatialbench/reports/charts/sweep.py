"""The metrics at every detection threshold: how much of a number is the threshold's doing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from typing import TYPE_CHECKING

from ...plugins import Benchmark, Metric
from ...plugins.metric import ratios
from ...plugins.metric import values as values_of
from ...plugins.records import BoxRecord
from ...prompts import Prompt
from ...scoring.judging import Judging
from ...scoring.verdicts import build_table
from ...statistics.bootstrap import intervals
from .histogram import legend
from .scale import Plot, percent_span
from .svg import FAINT, INK, SERIES, image, line, tag, text, title

if TYPE_CHECKING:
    from markupsafe import Markup

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 440, 270, 48, 46, 36
RESAMPLES = 500
"""Of the bootstrap behind each point of a band."""
STEPS = tuple(round(0.05 * step, 2) for step in range(1, 19))


@dataclass(frozen=True)
class Sweep:
    """Metrics by threshold: ``values[key][i]`` and ``bounds[key][i]`` belong to ``thresholds[i]``.

    ``bounds`` are 95 % intervals, NaN where there is none.
    """

    thresholds: Sequence[float]
    values: Mapping[str, Sequence[float]]
    images: int
    bounds: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)


def sweep(
    metrics: Sequence[Metric],
    benchmark: Benchmark,
    judging: Judging,
    records: Sequence[tuple[Prompt, BoxRecord]],
) -> Sweep:
    """Judge stored detections again at a row of thresholds.

    Args:
        metrics: to follow.
        benchmark: whose clusters of prompts the intervals rest on.
        judging: that of the run, whose threshold takes its place among the others.
        records: prompt and detections record of each image, a prompt's images together.
    """
    prompts = list(dict.fromkeys(prompt.id for prompt, _ in records))
    by_id = {prompt.id: prompt for prompt, _ in records}
    place = {prompt_id: row for row, prompt_id in enumerate(prompts)}
    thresholds = sorted({*STEPS, judging.threshold})
    values: dict[str, list[float]] = {metric.key: [] for metric in metrics}
    bounds: dict[str, list[tuple[float, float]]] = {metric.key: [] for metric in metrics}
    asked = [by_id[prompt_id] for prompt_id in prompts]
    clusters = benchmark.clusters(asked)
    for here in map(judging.at, thresholds):
        rows = [
            (place[prompt.id], record.key[1], here.verdict(prompt, record))
            for prompt, record in records
        ]
        table, _ = build_table(asked, rows)
        found = values_of(metrics, table)
        for key, row in values.items():
            row.append(found.get(key, nan))
        around = intervals(ratios(metrics, table), clusters, RESAMPLES)
        for key, pairs in bounds.items():
            defined = key in found and not isnan(found[key])
            pairs.append(around.get(key, (nan, nan)) if defined else (nan, nan))
    return Sweep(thresholds, values, len(records), bounds)


def sweep_chart(swept: Sweep, own: float, named: str) -> Markup:
    """The sweep as lines in bands of their 95 % intervals, the run's own threshold marked."""
    spans = [(low, high) for row in swept.bounds.values() for low, high in row]
    numbers = [value for row in swept.values.values() for value in row]
    span = percent_span([*numbers, *(bound for pair in spans for bound in pair)])
    high = _HEIGHT - _TOP - _BOTTOM
    plot = Plot(_LEFT, _TOP, _WIDTH - _LEFT - 12, high, (0.0, 1.0), span)
    parts = [title(named), *plot.y_axis("percent"), *plot.x_axis("detection threshold (0 to 1)")]
    at = plot.at_x(own)
    parts.append(line(at, _TOP - 6, at, plot.bottom, INK, 1.5))
    parts.append(text(at + 4, _TOP - 2, f"threshold {own:g}", fill=FAINT, font_size=10))
    colours = {key: SERIES[number % len(SERIES)] for number, key in enumerate(swept.values)}
    for key, row in swept.bounds.items():
        known = [
            (threshold, *bounds)
            for threshold, bounds in zip(swept.thresholds, row, strict=True)
            if not any(map(isnan, bounds))
        ]
        around = [(t, up) for t, _, up in known] + [(t, low) for t, low, _ in reversed(known)]
        points = _points(plot, around)
        parts.append(tag("polygon", points=points, fill=colours[key], fill_opacity=0.16))
    for key, values in swept.values.items():
        points = _points(plot, zip(swept.thresholds, values, strict=True))
        parts.append(
            tag("polyline", points=points, fill="none", stroke=colours[key], stroke_width=2)
        )
    return image(_WIDTH, _HEIGHT, named, *parts, *legend(list(colours.items()), _LEFT, 22))


def _points(plot: Plot, points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{plot.at_x(x):.1f},{plot.at_y(y):.1f}" for x, y in points if not isnan(y))
