"""The table of one run for stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..plugins import Benchmark
    from ..runs.timing import Pace
    from ..scoring.summary import Summary


def summary_text(
    summary: Summary, benchmark: Benchmark, form: str, pace: Pace | None = None
) -> str:
    """A summary in the format asked for."""
    from ..reports.single import result_text
    from ..scoring.measured import measured_by

    benchmark = measured_by(benchmark, summary.rule, summary.subset)
    headline = list(benchmark.headline)
    return result_text(summary, headline, form, pace)  # type: ignore[arg-type]
