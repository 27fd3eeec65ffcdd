"""The leaderboard for programs: one JSON document, or CSV with one line a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..plugins import Published
from ..scoring.summary import Summary
from .competition import Prescribed
from .marks import method_marks
from .price import PRICE_COLUMNS, price_fields, price_values
from .rows import Row, parts
from .tables import render_csv


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


def leaderboard_csv(
    rows: Sequence[Row],
    published: Sequence[Published],
    headline: Sequence[str],
    prescribed: Prescribed | None,
    price: bool,
) -> str:
    """One line a row; numbers in full, undefined ones empty."""
    priced = list(PRICE_COLUMNS) if price else []
    bounds = [name for key in headline for name in (f"{key}_low", f"{key}_high")]
    columns = ["world", "method", "base", "images", "images_expected", "partial", *headline]
    lines = []
    for row, differs in _held(rows, published, prescribed):
        result = row.result
        pairs = [v for key in headline for v in result.interval(key)]
        own = [result.metric(key) for key in headline]
        paid = [_exact(value) for value in price_values(result, row.pace)] if price else []
        lines.append(
            [
                "lab" if result.is_lab else "full-size",
                result.method,
                result.backbone,
                str(result.images),
                str(result.images_expected),
                str(result.partial).lower(),
                *(_exact(value) for value in [*own, *pairs]),
                *paid,
                differs,
                result.signature,
                "+".join(method_marks(result)),
            ]
        )
    for entry in published:
        values = [entry.metrics.get(key) for key in headline]
        empty = [""] * (len(bounds) + len(priced) + 1)
        cells = [*(_exact(value) for value in values), *empty, f"{entry.source} [{entry.evidence}]"]
        cells.append("+".join(entry.marks))
        lines.append(["published", entry.method, entry.base, "", "", "", *cells])
    return render_csv([*columns, *bounds, *priced, "other_conditions", "source", "marks"], lines)


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


def _exact(value: float | None) -> str:
    return "" if value is None or value != value else repr(value)
