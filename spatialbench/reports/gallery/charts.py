"""The charts of a gallery: bars by group, pairs of objects, confidences, thresholds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...files.shown_text import counted
from ...scoring.judging import Judging
from ...scoring.summary import Group
from ..charts.bars import Bar, bars
from ..charts.heatmap import PairMap, heatmap, pair_map
from ..charts.histogram import histogram
from ..charts.sweep import Sweep, sweep, sweep_chart
from ..compare.comparison import Comparison
from .records import Side, best_scores, table_keys

if TYPE_CHECKING:
    from markupsafe import Markup

SWEEP_IMAGES = 20_000
"""Images judged again at every threshold; of a larger run the first, which are balanced."""
SWEEP_KEYS = 3
"""How many of the headline metrics that a run has the sweep follows."""


@dataclass(frozen=True)
class Chart:
    """A chart with its file name and the sentence under it."""

    name: str
    svg: Markup
    caption: str
    pairs: PairMap | None = None


def charts_of(
    sides: Sequence[Side], comparison: Comparison | None, sweeps: Sequence[Sweep | None] = ()
) -> list[Chart]:
    """Every chart the runs have data for."""
    charts = _bars(sides)
    tables = [side.scored.table for side in sides]
    if comparison is None:
        pairs = pair_map(tables[0])
        told = "Mean score, the share of right images. Grey is exactly 0; no cell: no image."
    else:
        pairs = pair_map(comparison.pairing.second, comparison.pairing.first)
        told = "Change of the mean score from A to B: blue is better, red worse, grey no change."
    if pairs:
        charts.append(Chart("pairs", heatmap(pairs), told, pairs))
    letters = [""] if len(sides) == 1 else [" of A", " of B"]
    for letter, side in zip(letters, sides, strict=True):
        if side.detections:
            right, wrong = best_scores(side)
            title = f"Detection scores{letter}"
            svg = histogram(right, wrong, side.scored.result.threshold, title)
            told = "Best score of each asked object; an object without any stored box counts as 0."
            charts.append(Chart(slug_of(title), svg, told))
    for letter, side, swept in zip(letters, sides, sweeps, strict=False):
        if swept is not None:
            title = f"Metrics by threshold{letter}"
            own = side.scored.result.threshold
            total = len(side.scored.table.index)
            of = "" if swept.images == total else f" of {total:,} (the first, balanced over tasks)"
            told = f"With 95 % intervals, over {counted(swept.images, 'image')}{of}."
            charts.append(Chart(slug_of(title), sweep_chart(swept, own, title), told))
    return charts


def sweep_of(side: Side) -> Sweep | None:
    """The metrics of a run by threshold; None without detections."""
    table, scored = side.scored.table, side.scored
    rule = scored.rule()
    images = [
        (prompt, side.detections[key])
        for key, prompt, _ in table_keys(table)
        if key in side.detections
    ]
    if rule is None or len(images) < len(table.index):
        return None
    images = images[:SWEEP_IMAGES]
    metrics = [
        metric
        for metric in scored.metrics
        if metric.headline and not np.isnan(scored.result.metric(metric.key))
    ]
    if not metrics:
        return None
    judging = Judging(rule, scored.result.threshold)
    return sweep(metrics[:SWEEP_KEYS], scored.benchmark, judging, images)


def _bars(sides: Sequence[Side]) -> list[Chart]:
    charts = []
    for key in sides[0].scored.headline:
        series = []
        for side in sides:
            result = side.scored.result
            groups: dict[str, Group] = {"all": result, **result.groups}
            series.append((side.scored.label, {n: _bar(g, key) for n, g in groups.items()}))
        if not all(np.isnan(bar[0]) for _, by_group in series for bar in by_group.values()):
            charts.append(Chart(f"bars-{slug_of(key)}", bars(key, series), ""))
    return charts


def _bar(group: Group, key: str) -> Bar:
    low, high = group.interval(key)
    nan = float("nan")
    return group.metric(key), nan if low is None else low, nan if high is None else high


def slug_of(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).lower()
