"""``spatialbench run --dry-run``: what a run would do and cost; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..errors import UserError
from .options import stack
from .parsing import FiniteFloat

if TYPE_CHECKING:
    from ..plugins import Detector
    from ..plugins.requirements import Requirement
    from ..runs.expected import Expected
    from ..runs.opening import RunSpec
    from .assembly import RunOptions

dry_run_options = stack(
    click.option("--dry-run", is_flag=True, help="Print the plan; load and write nothing."),
    click.option(
        "--calibrate",
        is_flag=True,
        help="With --dry-run: make two batches here, look at them, and estimate from that.",
    ),
    click.option(
        "--price-per-hour",
        type=FiniteFloat(0),
        help="With --dry-run: what an hour of one worker costs, in any currency.",
    ),
)


@dataclass(frozen=True)
class Cost:
    """``seconds`` are wall time, ``worker_seconds`` of all workers together; None is unknown.

    ``basis`` says where all this is from.
    """

    seconds: float | None
    worker_seconds: float | None
    bytes: float | None
    basis: str


@dataclass(frozen=True)
class Planned:
    """What is asked of a dry run besides the run itself."""

    device: str
    workers: int = 1
    price_per_hour: float | None = None


def refuse_without_dry_run(calibrate: bool, price_per_hour: float | None) -> None:
    """Raises UserError for options that only a dry run has."""
    for option, given in (
        ("--calibrate", calibrate),
        ("--price-per-hour", price_per_hour is not None),
    ):
        if given:
            raise UserError(f"{option} is for a plan, not for a run: add --dry-run.")


def rough_cost(options: RunOptions, spec: RunSpec, expected: Expected, planned: Planned) -> Cost:
    """From the pace of images that the run already has, else from arithmetic.

    Time is that of generation alone; detection is seldom more than a tenth of it.
    """
    from ..runs.timing import read_pace
    from .estimate import estimate

    known = estimate(spec.identity["generator"], expected.images, planned.device)
    pace = read_pace(options.folder or spec.folder())
    if pace is not None:
        seconds: float | None = pace.seconds * expected.images
        basis = f"from {pace.images:,} images of this run on {pace.where}"
    else:
        seconds, basis = known.seconds, f"roughly, on {planned.device}"
    wall = None if seconds is None else seconds / planned.workers
    return Cost(wall, seconds, known.bytes, basis)


def measured_cost(
    options: RunOptions, spec: RunSpec, expected: Expected, detector: Detector, planned: Planned
) -> Cost:
    """From two batches, made and looked at here on the device that the run is to have."""
    from ..runs.machine import device_name
    from ..stages.calibrate import calibrate

    found = calibrate(expected, spec.generator, detector, options.batch)
    wall = found.seconds(expected.images, planned.workers)
    together = found.load * planned.workers + expected.images * (found.generate + found.detect)
    basis = (
        f"from {found.images} images made here on {device_name(planned.device)}: "
        f"{found.generate:.3g} s to make one, {found.detect:.3g} s to look at it, "
        f"{found.load:.3g} s to load"
    )
    return Cost(wall, together, found.bytes * expected.images, basis)


def plan_text(
    options: RunOptions,
    spec: RunSpec,
    expected: Expected,
    planned: Planned,
    cost: Cost,
    form: str,
    needed: Sequence[Requirement] = (),
) -> str:
    """The plan as a table or as JSON; times in seconds there, and sizes in bytes."""
    from ..reports.tables import Table, render, render_csv
    from .estimate import duration, size

    hours = None if cost.worker_seconds is None else cost.worker_seconds / 3600
    price = None
    if planned.price_per_hour is not None and hours is not None:
        price = hours * planned.price_per_hour
    count = None if cost.bytes is None else round(cost.bytes)
    plan: dict[str, Any] = {
        "id": spec.id,
        "folder": str(options.folder or spec.folder()),
        "prompts": len(expected.prompts),
        "images_per_prompt": expected.images_per_prompt,
        "images": expected.images,
        "device": planned.device,
        "workers": planned.workers,
        "seconds": cost.seconds,
        "worker_hours": hours,
        "bytes": count,
        "price": price,
        "basis": cost.basis,
        "notes": list(spec.generator.about_prompts(expected.prompts)),
    }
    if form == "json":
        listed = [{"what": one.what, "state": one.state, "missing": one.missing} for one in needed]
        return json.dumps({**plan, "needs": listed, "identity": spec.identity}, indent=2)
    shown = {
        **plan,
        "seconds": duration(cost.seconds),
        "worker_hours": "unknown" if hours is None else _hours(hours),
        "bytes": size(count),
        "price": "unknown: give --price-per-hour" if price is None else f"{price:,.2f}",
    }
    notes = shown.pop("notes")
    rows = [[name, str(value)] for name, value in shown.items()]
    rows += [["note", note] for note in notes]
    rows += [[f"needs {one.what}", _state(one)] for one in needed]
    rows += [[f"identity.{name}", text] for name, text in _fields(spec.identity)]
    if form == "csv":
        return render_csv(["plan", "value"], rows)
    return render(Table(["plan", ""], rows), "md" if form == "md" else "table")


def _state(needed: Requirement) -> str:
    lacking = needed.missing is not None and not needed.fetchable
    return f"MISSING: {needed.missing}" if lacking else needed.state


def _hours(hours: float) -> str:
    """Three digits, or all before the point."""
    return f"{hours:.3g}" if hours < 100 else f"{hours:,.0f}"


def _fields(value: Any, place: str = "") -> list[tuple[str, str]]:
    """Leaves of the identity by dotted name."""
    if not isinstance(value, dict) or not value:
        return [(place, value if isinstance(value, str) else json.dumps(value))]
    return [
        field
        for name, item in value.items()
        for field in _fields(item, f"{place}.{name}" if place else name)
    ]
