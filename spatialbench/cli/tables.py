"""The table of one run for stdout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..plugins import Benchmark
    from ..runs.timing import Pace


def summary_text(
    summary: Mapping[str, Any], benchmark: Benchmark, form: str, pace: Pace | None = None
) -> str:
    """A summary in the format asked for."""
    from ..reports.results import parse_result
    from ..reports.single import result_text
    from ..scoring.measured import measured_by

    benchmark = measured_by(benchmark, str(summary["rule"]), str(summary["subset"]))
    return result_text(
        parse_result(summary),
        summary,
        list(benchmark.headline),
        form,  # type: ignore[arg-type]
        pace,
    )
