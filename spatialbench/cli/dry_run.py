"""``spatialbench run --dry-run``: what a run would do and cost; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ..errors import UserError
from ..files.shown_text import counted
from ..reports.report import Report
from ..reports.tables import Table
from .options import stack
from .parsing import FiniteFloat

_LARGE = 10_000_000
"""Bytes from which a file is listed by its name."""

if TYPE_CHECKING:
    from ..api.planning import Download, Plan
    from ..plugins.requirements import Requirement

_SHOWN = 200
"""Characters of a setting that a table shows."""

dry_run_options = stack(
    click.option("--dry-run", is_flag=True, help="Print the plan; load and write nothing."),
    click.option(
        "--calibrate",
        is_flag=True,
        help="With --dry-run: make and look at two batches here, and estimate from them.",
    ),
    click.option(
        "--price-per-hour",
        type=FiniteFloat(0),
        help="With --dry-run: the price of one worker for an hour, in any currency.",
    ),
)


def refuse_without_dry_run(calibrate: bool, price_per_hour: float | None) -> None:
    """Raises UserError for options that only a dry run has."""
    for option, given in (
        ("--calibrate", calibrate),
        ("--price-per-hour", price_per_hour is not None),
    ):
        if given:
            raise UserError(f"{option} is for a plan, not for a run: add --dry-run.")


def plan_report(plan: Plan) -> Report:
    """The plan; for programs times are in seconds, and sizes in bytes."""
    from ..stages.estimate import duration, size

    told, identity = plan.document(), plan.asked.spec.identity
    shown = {
        **told,
        "seconds": duration(plan.seconds),
        "worker_hours": "unknown" if plan.hours is None else _hours(plan.hours),
        "bytes": size(plan.bytes),
        "price": "unknown: give --price-per-hour" if plan.price is None else f"{plan.price:,.2f}",
    }
    notes = shown.pop("notes")
    shown.pop("downloads")
    rows = [[name, str(value)] for name, value in shown.items()]
    rows += [["note", note] for note in notes]
    for one in plan.needs:
        rows.append([f"needs {one.what}", _state(one)])
        rows += _downloads([file for file in plan.downloads if file.what == one.what])
    rows += [[f"identity.{name}", text] for name, text in _fields(identity)]
    needs = [{"what": n.what, "state": n.state, "missing": n.missing} for n in plan.needs]
    document = {**told, "needs": needs, "identity": identity}
    return Report([Table(["plan", ""], rows)], document, _records(rows, told))


def table_plan_report(
    title: str, plans: Mapping[str, Plan], needs: Sequence[Requirement]
) -> Report:
    """The plans of a table's prompt sets, together and each by itself.

    Args:
        title: of the table.
        plans: by prompt set.
        needs: of all of them, each once.
    """
    from ..stages.estimate import duration, size

    told = {name: plan.document() for name, plan in plans.items()}
    whole = {key: _sum(one[key] for one in told.values()) for key in _ADDED}
    files = dict.fromkeys(file for plan in plans.values() for file in plan.downloads)
    notes = dict.fromkeys(note for one in told.values() for note in one["notes"])
    price, hours = whole["price"], whole["worker_hours"]
    shown = [
        ["prompt sets", str(len(plans))],
        *([key.replace("_", " "), f"{whole[key]:,}"] for key in ("prompts", "images")),
        ["seconds", duration(whole["seconds"])],
        ["worker hours", "unknown" if hours is None else _hours(hours)],
        ["bytes", size(whole["bytes"])],
        ["price", "unknown: give --price-per-hour" if price is None else f"{price:,.2f}"],
        *([f"basis {name}", one["basis"]] for name, one in told.items()),
        *([f"folder {name}", one["folder"]] for name, one in told.items()),
        *(["note", note] for note in notes),
    ]
    for one in needs:
        shown.append([f"needs {one.what}", _state(one)])
    shown += _downloads(list(files))
    lacking = [{"what": n.what, "state": n.state, "missing": n.missing} for n in needs]
    document = {"table": title, **whole, "parts": told, "needs": lacking}
    document["downloads"] = [asdict(file) for file in files]
    return Report([Table([f"plan of {title}", ""], shown)], document, _records(shown, whole))


def _records(
    rows: Sequence[Sequence[str]], told: Mapping[str, Any]
) -> tuple[list[str], list[list[Any]]]:
    """For ``csv`` the same lines, with what is counted as plain numbers."""
    counts = {
        key.replace("_", between): value
        for key, value in told.items()
        for between in "_ "
        if value is None or isinstance(value, int | float)
    }
    return ["plan", "value"], [[name, counts.get(name, text)] for name, text in rows]


_ADDED = ("prompts", "images", "seconds", "worker_hours", "bytes", "price")


def _sum(values: Iterable[Any]) -> Any:
    """None where one of them is not known."""
    found = list(values)
    return None if None in found else sum(found)


def _downloads(files: Sequence[Download]) -> list[list[str]]:
    """All together, then the large files by name."""
    from ..stages.estimate import size

    if not files:
        return []
    known = [file.bytes for file in files if file.bytes is not None]
    whole = size(sum(known)) if len(known) == len(files) else "size unknown"
    large = [file for file in files if (file.bytes or 0) >= _LARGE]
    rows = [["download", f"{counted(len(files), 'file')}, {whole}"]]
    return rows + [["download", f"{file.file}, {size(file.bytes)}"] for file in large]


def _state(needed: Requirement) -> str:
    lacking = needed.missing is not None and not needed.fetchable
    return f"MISSING: {needed.missing}" if lacking else needed.state


def _hours(hours: float) -> str:
    """Three digits, or all before the point."""
    return f"{hours:.3g}" if hours < 100 else f"{hours:,.0f}"


def _fields(value: Any, place: str = "") -> list[tuple[str, str]]:
    """Leaves of the identity by dotted name."""
    if not isinstance(value, dict) or not value:
        text = value if isinstance(value, str) else json.dumps(value)
        more = f"... ({len(text)} characters; --format json has all)"
        return [(place, text if len(text) <= _SHOWN else text[: _SHOWN // 2] + more)]
    return [
        field
        for name, item in value.items()
        for field in _fields(item, f"{place}.{name}" if place else name)
    ]
