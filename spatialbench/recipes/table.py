"""The result of a recipe as a report: values beside what the paper prints, claims, and protocol."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan
from typing import Any

from ..plugins.metric import Metric
from ..reports.cells import direction_note
from ..reports.marks import MARKS
from ..reports.report import Report
from ..reports.tables import UNDEFINED, Measured, Table, Tone
from .measured import Number
from .result import Cell, ClaimResult, Result, ResultRow

NOT_COMPARED = "other model"
"""The verdict of a value that another model than the paper's made."""
UNTESTED = "not tested"
_TONES: dict[str, Tone] = {
    "agrees": "good",
    "holds": "good",
    "cannot tell": "odd",
    "differs": "bad",
    "contradicted": "bad",
}


def result_report(result: Result) -> Report:
    """Every row with every metric; then the claims; then what differs from the paper's protocol."""
    tables = [_values(result)]
    tables += [_claims(result)] if result.stated else []
    tables += [_protocol(result)]
    return Report(tables, _document(result), _records(result))


def _values(result: Result) -> Table:
    seeds = any(row.measured and len(row.measured.runs) > 1 for row in result.rows)
    notes = _Notes()
    rows: list[list[str]] = []
    rules = []
    for row in result.rows:
        rules += [len(rows)] if rows else []
        measured = row.measured
        state = "" if row.cannot is None else f"cannot {notes.mark(row.cannot)}"
        images = "" if measured is None else f"{measured.images} images"
        marks = "".join(f" {MARKS[one][0]}" for one in row.point.about["marks"])
        note = row.point.about["note"]
        name = row.name + marks + (f" {notes.mark(note)}" if note else "")
        rows.append([name, "", images, *([""] if seeds else []), "", state])
        for cell in result.cells(row):
            number, value, held = cell.measured, cell.published, cell.compared
            shown = UNDEFINED if number is None else _cell(number.value, number.low, number.high)
            if number is not None and number.reason:
                shown = _noted(shown, f" {notes.mark(number.reason)}")
            rows.append(
                [
                    f"· {cell.metric}",
                    UNDEFINED if value is None else _cell(value.value, value.low, value.high),
                    shown,
                    *([_spread(number)] if seeds else []),
                    UNDEFINED if held is None else _compact(held.difference, held.low, held.high),
                    _verdict(row, cell),
                ]
            )
    columns = ["row", "published", "measured", *(["spread"] if seeds else [])]
    columns += ["difference", "verdict"]
    told = [
        "measured and difference: with their 95 % intervals",
        f"agrees: the interval of the difference lies within ±{result.margin:g} points; differs: "
        "it does not and excludes 0; cannot tell: this many images do not decide",
        *direction_note(_shown(result)),
    ]
    if seeds:
        told.append("spread: standard deviation between runs of different seeds")
    if any(not row.same_model and row.measured for row in result.rows):
        told.append(
            f"{NOT_COMPARED}: made with {result.backbone}, whose values say nothing about the "
            "paper's; its claims are tested below"
        )
    if result.left_out:
        told.append(f"not asked for: {', '.join(result.left_out)}")
    used = dict.fromkeys(mark for row in result.rows for mark in row.point.about["marks"])
    told += [f"{MARKS[one][0]} {MARKS[one][1]}" for one in used]
    title = f"{result.name}: {result.recipe.title}"
    spare = [3] if seeds else []
    told += notes.lines()
    return Table(columns, rows, title, told, rules=rules, spare=spare, tones=_TONES)


def _claims(result: Result) -> Table:
    notes = _Notes()
    rows = []
    for one in result.claims:
        mark = f" {notes.mark(one.why)}" if one.why else ""
        found = one.difference
        rows.append(
            [
                f"{one.claim.better} > {one.claim.worse}",
                one.claim.metric,
                _cell(one.published, None, None, signed=True),
                UNDEFINED if found is None else _cell(found.value, found.low, found.high, True),
                f"{one.verdict or UNTESTED}{mark}",
            ]
        )
    counts = dict.fromkeys(("holds", "contradicted", "cannot tell", UNTESTED), 0)
    for one in result.claims:
        counts[one.verdict or UNTESTED] += 1
    told = [
        ", ".join(f"{count} {word}" for word, count in counts.items()),
        "published and measured: the first row minus the second, in percentage points; measured "
        "paired by prompt and seed, with its 95 % interval",
        "holds: the interval lies on the claimed side of 0; contradicted: on the other; each at "
        "95 %, so of 20 claims about one can be wrong by chance",
    ]
    if any(not one.claim.stated for one in result.claims):
        told.append("the claims follow from the published values, which state the order of rows")
    if result.claims_left_out:
        told.append(f"{result.claims_left_out} claims are about rows that were not asked for")
    columns = ["claim", "metric", "published", "measured", "verdict"]
    title = "claims: which row beats which"
    return Table(columns, rows, title, [*told, *notes.lines()], tones=_TONES)


def _protocol(result: Result) -> Table:
    rows = [["every row", one] for one in result.recipe.differs]
    shared = set.intersection(*(set(row.differs) for row in result.rows)) if result.rows else set()
    if len(result.rows) > 1:
        rows += [["every row", one] for one in result.rows[0].differs if one in shared]
    else:
        shared = set()
    for row in result.rows:
        rows += [[row.name, one] for one in row.differs if one not in shared]
    rows = rows or [["every row", "nothing that is known"]]
    return Table(["row", "what differs from the paper's protocol"], rows)


def _cell(value: float, low: float | None, high: float | None, signed: bool = False) -> str:
    """A number with its interval, or a dash; ``signed`` for a difference."""
    if isnan(value):
        return UNDEFINED
    ends = (None, None) if low is None or high is None or isnan(low + high) else (low, high)
    return Measured(value, *ends, difference=signed)


def _compact(value: float, low: float, high: float) -> str:
    """A difference as ``+7.19 ± 15.0``, which is shorter than with its ends."""
    ends = (low, high) if value >= 0 else (-high, -low)
    shown = str(_cell(abs(value), *ends))
    if value < 0 and " +" in shown:
        number, up, down = shown.split()
        shown = f"{number} +{down[1:]} −{up[1:]}"
    return f"{'−' if value < 0 else '+'}{shown}"


def _noted(cell: str, mark: str) -> str:
    return cell.marked(mark) if isinstance(cell, Measured) else f"{cell}{mark}"


def _spread(number: Number | None) -> str:
    return "" if number is None or isnan(number.spread) else Measured(number.spread)


def _verdict(row: ResultRow, cell: Cell) -> str:
    if cell.published is None:
        return "unpublished"
    if row.measured is None:
        return ""
    if not row.same_model:
        return NOT_COMPARED
    return UNDEFINED if cell.compared is None else cell.compared.verdict


def _shown(result: Result) -> Iterable[Metric]:
    return (result.metrics[key] for key in result.columns if key in result.metrics)


class _Notes:
    """Numbered sentences under a table."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, text: str) -> str:
        return f"[{self._numbers.setdefault(text, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        return [f"[{number}] {text}" for text, number in self._numbers.items()]


def _document(result: Result) -> dict[str, Any]:
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


def _records(result: Result) -> tuple[list[str], list[list[object]]]:
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
            rows.append([*told, _verdict(row, cell), images, row.cannot])
        if not cells:
            rows.append([row.name, *[None] * 10, images, row.cannot])
    return columns, rows
