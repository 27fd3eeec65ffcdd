"""The leaderboard for programs: one JSON document, or records, one per row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..plugins import Published
from ..scoring.summary import Summary
from .competition import Prescribed
from .marks import method_marks
from .price import PRICE_COLUMNS, price_fields, price_values
from .report import Records
from .rows import Row, parts


def leaderboard_document(
    rows: Sequence[Row], published: Sequence[Published], prescribed: Prescribed | None
) -> dict[str, Any]:
    """``{"rows": [...], "published": [...]}``.

    ``other_conditions`` of a row is how it differs from the rows it stands beside, or nothing.
    """
    return {
        "rows": [
            {
                **_flat(row.result),
                **price_fields(row.pace),
                "run": row.run,
                "lab": row.result.is_lab,
                "marks": list(method_marks(row.result)),
                "other_conditions": differs,
            }
            for row, differs in _held(rows, published, prescribed)
        ],
        "published": [
            {
                "method": entry.method,
                "base": entry.base,
                **entry.metrics,
                "source": entry.source,
                "evidence": entry.evidence,
                "note": entry.note,
                "marks": list(entry.marks),
            }
            for entry in published
        ],
    }


def _flat(summary: Summary) -> dict[str, Any]:
    """The summary with its metrics between the other keys, which come first, and by themselves."""

    def spread(numbers: dict[str, Any]) -> dict[str, Any]:
        return {**numbers["price"], **numbers["metrics"], **numbers}

    document = summary.document()
    groups = {name: spread(group) for name, group in document["groups"].items()}
    return {**spread(document), "groups": groups}


def leaderboard_records(
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    prescribed: Prescribed | None,
    price: bool,
) -> Records:
    """One line per row; the columns of the price where it is asked for."""
    priced = list(PRICE_COLUMNS) if price else []
    bounds = [name for key in headline for name in (f"{key}_low", f"{key}_high")]
    columns = ["world", "method", "base", "images", "images_expected", "partial", *headline]
    columns += [*bounds, *priced, "other_conditions", "source", "marks"]
    lines: list[list[object]] = []
    for row, differs in _held(rows, published, prescribed):
        result = row.result
        line: list[object] = [
            "lab" if result.is_lab else "full-size",
            result.method,
            result.backbone,
        ]
        line += [result.images, result.images_expected, result.partial]
        line += [result.metric(key) for key in headline]
        line += [bound for key in headline for bound in result.interval(key)]
        line += price_values(result, row.pace) if price else []
        lines.append([*line, differs, result.signature, "+".join(method_marks(result))])
    for entry in published:
        line = ["published", entry.method, entry.base, None, None, None]
        line += [entry.metrics.get(key) for key in headline]
        line += [None] * (len(bounds) + len(priced) + 1)
        lines.append([*line, f"{entry.source} [{entry.evidence}]", "+".join(entry.marks)])
    return columns, lines


def _held(
    rows: Sequence[Row], published: Sequence[Published], prescribed: Prescribed | None
) -> Iterator[tuple[Row, str]]:
    """The rows in the order given, each with what its own table says of its conditions."""
    said = {
        id(row): differs
        for part in parts(rows, published)
        for row, differs in zip(part.rows, part.competition(prescribed).differs, strict=True)
    }
    for row in rows:
        yield row, said[id(row)]
