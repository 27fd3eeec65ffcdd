"""The metrics of a table, undefined where the number that its formula gives would mean nothing.

A benchmark's ``metrics`` are what its official script prints, and some scripts print a 0 for what
cannot be other than 0, such as "right in 4 images" of prompts with one image each. A benchmark
names those, and why, by an optional ``undefined(table)``: a sentence by metric key.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan

import numpy as np

from ..plugins import Benchmark, ScoreTable
from ..statistics.ratios import MeanOfRatios, Ratio


def why_undefined(benchmark: Benchmark, table: ScoreTable) -> Mapping[str, str]:
    """By key of a metric that is undefined for this table: the benchmark's sentence on why."""
    return benchmark.undefined(table)


def defined_metrics(benchmark: Benchmark, table: ScoreTable) -> dict[str, float]:
    """The benchmark's metrics; NaN where undefined."""
    values = dict(benchmark.metrics(table))
    return values | {key: nan for key in why_undefined(benchmark, table) if key in values}


def defined_ratios(benchmark: Benchmark, table: ScoreTable) -> dict[str, MeanOfRatios]:
    """The same as ratios of per-prompt sums; 0 over 0 where undefined."""
    ratios = dict(benchmark.ratios(table))
    nothing = np.zeros(len(table.prompts))
    undefined = MeanOfRatios((Ratio(nothing, nothing),))
    return ratios | {key: undefined for key in why_undefined(benchmark, table) if key in ratios}
