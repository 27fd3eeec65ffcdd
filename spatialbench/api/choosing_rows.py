"""Which rows of a leaderboard are shown, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isnan, nan
from typing import TypeVar

from ..errors import UserError, unknown_name
from ..plugins import Metric, Published
from ..reports.naming import row_names
from ..reports.rows import Row
from ..reports.view import matches, no_such_row

NONE = "none"
"""What leaves out every row of a paper."""

Shown = TypeVar("Shown", Row, Published)
_TEXT = {"method", "base", "source"}


def chosen_runs(rows: Sequence[Row], patterns: Sequence[str]) -> list[Row]:
    """The runs whose name, method, folder or id fits one of the patterns, in their order.

    Raises:
        UserError: there is none.
    """
    names = row_names([(row.given, row.result) for row in rows])
    found = []
    for row, name in zip(rows, names, strict=True):
        # Of two runs with one name, each is shown with more behind it.
        called = {name, row.given or name, row.result.method, row.run, str(row.result.run)}
        if matches(patterns, called):
            found.append(row)
    if not found:
        raise no_such_row(patterns, names)
    return found


def chosen_papers(
    published: Iterable[Published], own: Iterable[Published], asked: bool | Sequence[str]
) -> list[Published]:
    """The rows of papers whose method, base or source fits one of the patterns.

    Args:
        published: what the benchmark brings.
        own: what the user brings, which ``none`` leaves.
        asked: whether to show the first; or patterns of both, or ``none`` alone.

    Raises:
        UserError: there are rows, and none fits; ``none`` beside another pattern.
    """
    patterns = [] if isinstance(asked, bool) else list(asked)
    if asked is False or matches(patterns, [NONE], exact=True):
        if set(patterns) > {NONE}:
            raise UserError(f"--published {NONE} shows no row of a paper: leave out the others.")
        return list(own)
    there = [*published, *own]
    found = [entry for entry in there if not patterns or matches(patterns, _names(entry))]
    if there and not found:
        raise no_such_row(patterns, [entry.method for entry in there])
    return found


def in_order(
    rows: Sequence[Row], published: Sequence[Published], metrics: Sequence[Metric], sort: str
) -> tuple[list[Row], list[Published]]:
    """Both by a column, the best first and what has no number last.

    Raises:
        UserError: an unknown column.
    """
    key = sort.removeprefix("-")
    known = {metric.key: metric for metric in metrics}
    if key not in known and key not in _TEXT | {"images"}:
        raise unknown_name("column", key, [*sorted(_TEXT), "images", *known])
    turned = sort.startswith("-")
    if key in known:
        descending = known[key].larger_is_better != turned
        return (
            _ordered(rows, lambda row: row.result.metric(key), descending),
            _ordered(published, lambda entry: entry.metrics.get(key, nan), descending),
        )
    if key == "images":
        return _ordered(rows, lambda row: float(row.result.images), not turned), [*published]
    names = dict(
        zip(map(id, rows), row_names([(row.given, row.result) for row in rows]), strict=True)
    )
    told = {"method": lambda row: names[id(row)], "base": lambda row: row.result.backbone}
    own = sorted(rows, key=told.get(key, lambda row: ""), reverse=turned)
    return own, sorted(published, key=lambda entry: str(getattr(entry, key)), reverse=turned)


def _ordered(
    rows: Sequence[Shown], value: Callable[[Shown], float], descending: bool
) -> list[Shown]:
    known = sorted((row for row in rows if not isnan(value(row))), key=value, reverse=descending)
    return known + [row for row in rows if isnan(value(row))]


def _names(entry: Published) -> list[str]:
    return [entry.method, f"{entry.method} on {entry.base}", entry.base, entry.source]
