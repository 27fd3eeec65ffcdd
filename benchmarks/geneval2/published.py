"""Published GenEval 2 results, from ``published.json`` beside this module; all second-hand."""

from __future__ import annotations

from functools import cache

from spatialbench.plugins import Published
from spatialbench.reports.published import packaged_rows


@cache
def published() -> tuple[Published, ...]:
    """All rows, in the order of the file."""
    return packaged_rows(__package__)
