"""The result of a recipe as JSON and as records: every number, what is published, the verdicts."""

from __future__ import annotations

from math import isnan
from typing import Any

from ..reports.tables import UNDEFINED
from .result import Cell, ClaimResult, Result, ResultRow

NOT_COMPARED = "other model"
"""The verdict of a value that another model than the paper's made."""


def verdict_text(row: ResultRow, cell: Cell) -> str:
    """The verdict on a value, or why there is none."""
    if cell.published is None:
        return "unpublished"
    if row.measured is None:
        return ""
    if not row.same_model:
        return NOT_COMPARED
    return UNDEFINED if cell.compared is None else cell.compared.verdict


def document(result: Result) -> dict[str, Any]:
    """What ``--format json`` prints; docs/schemas/reproduce.schema.json describes it."""
    return {
        "recipe": result.name,
        "title": result.recipe.title,
        "source": result.recipe.source,
        "benchmark": result.recipe.benchmark,
        "backbone": result.backbone,
        "margin": result.margin,
        "differs": list(result.recipe.differs),
        "rows": [_row_document(result, row) for row in result.rows],
        "claims": [_claim_document(one) for one in result.claims],
        "left_out": list(result.left_out),
    }


def _row_document(result: Result, row: ResultRow) -> dict[str, Any]:
    measured = row.measured
    return {
        "name": row.name,
        "method": row.point.method,
        "paper_backbone": row.point.backbone,
        "backbone": row.point.made_with,
        "same_model": row.same_model,
        "cannot": row.cannot,
        "differs": list(row.differs),
        **{key: row.point.about[key] for key in ("source", "evidence", "note")},
        "marks": list(row.point.about["marks"]),
        "prompts": None if measured is None else measured.prompts,
        "paper_prompts": None if measured is None else measured.paper,
        "runs": []
        if measured is None
        else [
            {
                "folder": str(run.run.path),
                "seeds": str(run.run.expected.seeds),
                "images": run.result.images,
                "images_expected": run.result.images_expected,
                "signature": run.result.signature,
            }
            for run in measured.runs
        ],
        "metrics": {cell.metric: _cell_document(row, cell) for cell in result.cells(row)},
    }


def _cell_document(row: ResultRow, cell: Cell) -> dict[str, Any]:
    number, held, value = cell.measured, cell.compared, cell.published
    return {
        "published": None if value is None else value.value,
        "published_interval": None
        if value is None or value.low is None
        else [value.low, value.high],
        "rounding": row.point.rounding.get(cell.metric),
        "measured": None if number is None else number.value,
        "interval": None if number is None else _ends(number.low, number.high),
        "each": [] if number is None else list(number.each),
        "spread": None if number is None else number.spread,
        "undefined": (number.reason or None) if number is not None else None,
        "difference": None if held is None else held.difference,
        "difference_interval": None if held is None else _ends(held.low, held.high),
        "verdict": None if held is None else held.verdict,
    }


def _ends(low: float | None, high: float | None) -> list[float] | None:
    return None if low is None or high is None or isnan(low + high) else [low, high]


def _claim_document(one: ClaimResult) -> dict[str, Any]:
    found = one.difference
    return {
        "better": one.claim.better,
        "worse": one.claim.worse,
        "metric": one.claim.metric,
        "stated": one.claim.stated,
        "published": one.published,
        "measured": None if found is None else found.value,
        "interval": None if found is None else _ends(found.low, found.high),
        "p": None if found is None else found.p,
        "images": one.images,
        "verdict": one.verdict,
        "why": one.why or None,
    }


def records(result: Result) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of ``--format csv``: one per row and metric."""
    columns = ["row", "metric", "published", "measured", "low", "high", "spread", "difference"]
    columns += ["difference_low", "difference_high", "verdict", "images", "cannot"]
    rows: list[list[object]] = []
    for row in result.rows:
        images = "" if row.measured is None else row.measured.images
        cells = list(result.cells(row))
        for cell in cells:
            number, held = cell.measured, cell.compared
            told: list[object] = [row.name, cell.metric]
            told.append(None if cell.published is None else cell.published.value)
            told += [None] * 4 if number is None else [number.value, number.low, number.high]
            told += [] if number is None else [number.spread]
            told += [None] * 3 if held is None else [held.difference, held.low, held.high]
            rows.append([*told, verdict_text(row, cell), images, row.cannot])
        if not cells:
            rows.append([row.name, *[None] * 10, images, row.cannot])
    return columns, rows
