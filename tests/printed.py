"""The numbers that a benchmark's official script prints, also where they mean nothing."""

from __future__ import annotations

from spatialbench.plugins import Benchmark, ScoreTable


def printed(benchmark: Benchmark, table: ScoreTable) -> dict[str, float]:
    """By metric key; what the table does not have is left out."""
    numbers = {metric.key: metric.computed(table) for metric in benchmark.metrics}
    return {key: value for key, value in numbers.items() if value is not None}
