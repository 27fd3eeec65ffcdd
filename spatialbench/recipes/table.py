"""The result of a recipe as a report: values beside what the paper prints, claims, and protocol."""

from __future__ import annotations

from collections.abc import Iterable
from math import isnan

from ..plugins.metric import Metric
from ..reports.cells import direction_note
from ..reports.marks import MARKS
from ..reports.report import Report
from ..reports.tables import UNDEFINED, Measured, Table, Tone
from .document import NOT_COMPARED, document, records, verdict_text
from .measured import Number
from .result import Result

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
    printed = any(cell.published for row in result.rows for cell in result.cells(row))
    tables = [_values(result) if printed or _of_seeds(result) else _measured(result)]
    tables += [_claims(result)] if result.claims else []
    tables += [_protocol(result)]
    return Report(tables, document(result), records(result))


def _values(result: Result) -> Table:
    seeds = _of_seeds(result)
    notes = Notes()
    rows: list[list[str]] = []
    rules = []
    for row in result.rows:
        rules += [len(rows)] if rows else []
        measured = row.measured
        state = "" if row.cannot is None else f"cannot {notes.mark(row.cannot)}"
        images = ""
        if measured is not None:
            images = f"{measured.images} image{'' if measured.images == '1' else 's'}"
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
                    verdict_text(row, cell),
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
    told += _left_out(result)
    used = dict.fromkeys(mark for row in result.rows for mark in row.point.about["marks"])
    told += [f"{MARKS[one][0]} {MARKS[one][1]}" for one in used]
    title = f"{result.name}: {result.recipe.title}"
    spare = [3] if seeds else []
    told += notes.lines()
    return Table(columns, rows, title, told, rules=rules, spare=spare, tones=_TONES)


def _of_seeds(result: Result) -> bool:
    """Whether a row has several runs, whose spread is shown."""
    return any(row.measured and len(row.measured.runs) > 1 for row in result.rows)


def _measured(result: Result) -> Table:
    """One line per row, for a recipe that no paper printed values for."""
    notes = Notes()
    metrics = list(dict.fromkeys(c.metric for row in result.rows for c in result.cells(row)))
    rows = []
    for row in result.rows:
        numbers = {cell.metric: cell.measured for cell in result.cells(row)}
        line = [row.name + "".join(f" {MARKS[one][0]}" for one in row.point.about["marks"])]
        if row.cannot is not None:
            rows.append([*line, f"cannot {notes.mark(row.cannot)}", *[UNDEFINED for _ in metrics]])
            continue
        line.append(UNDEFINED if row.measured is None else f"{row.measured.images}")
        for metric in metrics:
            number = numbers.get(metric)
            shown = UNDEFINED if number is None else _cell(number.value, number.low, number.high)
            reason = "" if number is None else number.reason
            line.append(_noted(shown, f" {notes.mark(reason)}") if reason else shown)
        rows.append(line)
    told = ["measured, with 95 % intervals; no value is published", *direction_note(_shown(result))]
    told += _left_out(result)
    title = f"{result.name}: {result.recipe.title}"
    return Table(["row", "images", *metrics], rows, title, [*told, *notes.lines()])


def _left_out(result: Result) -> list[str]:
    """What ``--rows`` leaves out: rows, and claims where no other one is there to say so."""
    told = [f"not asked for: {', '.join(result.left_out)}"] if result.left_out else []
    if result.claims_left_out and not result.claims:
        told.append(f"every claim ({result.claims_left_out}) is about a row that was not asked for")
    return told


def _claims(result: Result) -> Table:
    notes = Notes()
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


def _shown(result: Result) -> Iterable[Metric]:
    return (result.metrics[key] for key in result.columns if key in result.metrics)


class Notes:
    """Numbered sentences under a table."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, text: str) -> str:
        """What stands behind a cell for this sentence: ``[1]``."""
        return f"[{self._numbers.setdefault(text, len(self._numbers) + 1)}]"

    def lines(self) -> list[str]:
        """The sentences with their marks, in the order of their first use."""
        return [f"[{number}] {text}" for text, number in self._numbers.items()]
