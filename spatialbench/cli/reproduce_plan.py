"""``spatialbench reproduce --dry-run``: what each row of a recipe would take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..recipes.table import Notes
from ..reports.report import Report
from ..reports.tables import UNDEFINED, Table

if TYPE_CHECKING:
    from ..api.planning import Plan
    from ..api.reproducing import AskedRow, Reproduction

_SUMMED = ("images", "worker_hours", "bytes", "price")


def recipe_plan_report(
    asked: Reproduction, planned: Sequence[tuple[AskedRow, Sequence[Plan], str | None]]
) -> Report:
    """Hours, disk and price per row and together; a run that two rows share counts once."""
    from ..api.recipe_plans import command_of

    seen: dict[tuple[str, int], str] = {}
    rows, notes, documents = [], Notes(), []
    # One row by its own pace and another by arithmetic are no comparison of the two: then each
    # row has a note, and those come first, as the column of hours does.
    from_what = dict.fromkeys(_basis(one.document()) for _, plans, _ in planned for one in plans)
    if several := len(from_what) > 1:
        for one in from_what:
            notes.mark(f"hours: {one}")
    whole: dict[str, float | None] = dict.fromkeys(_SUMMED, 0)
    for row, parts, cannot in planned:
        told: dict[str, Any] = dict.fromkeys(_SUMMED, 0)
        told["downloads"] = []
        runs = []
        shared = None
        for part, plan in zip(row.parts, parts, strict=False):
            document = plan.document()
            key = (document["folder"], document["images"])
            runs.append(
                {
                    **{name: document[name] for name in ("folder", "id", "prompts", "basis")},
                    **{name: document[name] for name in ("images_per_prompt", *_SUMMED)},
                    "downloads": document["downloads"],
                    "seeds": part.seeds,
                    "command": command_of(row, part, asked.source.recipe.benchmark),
                    "needs": [
                        {"what": need.what, "state": need.state, "missing": need.missing}
                        for need in plan.needs
                    ],
                    "shared_with": seen.get(key),
                }
            )
            shared = shared or seen.get(key)
            if key not in seen:
                seen[key] = row.name
                for name in _SUMMED:
                    told[name] = _plus(told[name], document[name])
        missing = [n.missing for p in parts for n in p.needs if n.missing and not n.fetchable]
        if cannot is not None and row.point.cannot is None and row.point.instead is None:
            # Its own model, of which nothing is here to ask.
            state = f"missing {notes.mark(cannot)}"
        else:
            state = _state(cannot, missing, shared, notes)
        if cannot is None:
            for name in _SUMMED:
                whole[name] = _plus(whole[name], told[name])
        own = cannot is None and any(run["shared_with"] is None for run in runs)
        images, hours, disk, price = _cells(told, own)
        if several and own:
            told_from = dict.fromkeys(map(_basis, runs))
            hours += "".join(f" {notes.mark(f'hours: {one}')}" for one in told_from)
        rows.append([row.name, images, hours, disk, price, state])
        documents.append(
            {
                "name": row.name,
                "cannot": cannot,
                "prompts": row.asked[0],
                **{name: told[name] for name in _SUMMED},
                "differs": row.differs(),
                "runs": runs,
            }
        )
    planned_rows = [one for one in documents if one["cannot"] is None]
    if not planned_rows:
        whole["price"] = None
    rows.append(["together", *_cells(whole, bool(planned_rows)), ""])
    lines = [] if several else [f"hours: {one}" for one in from_what]
    if planned_rows and whole["price"] is None:
        lines.append("price: give --price-per-hour")
    columns = ["row", "images", "hours", "disk", "price", "state"]
    title = f"plan of {asked.source.name}: {asked.source.recipe.title}"
    table = Table(columns, rows, title, [*lines, *notes.lines()], rules=[len(rows) - 1])
    document = {
        "recipe": asked.source.name,
        "title": asked.source.recipe.title,
        "backbone": asked.backbone,
        **whole,
        "rows": documents,
        "left_out": list(asked.left_out),
    }
    return Report([table], document, _records(documents))


def _records(documents: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of ``--format csv``: numbers, with a reason for those that are missing."""
    rows: list[list[object]] = []
    for one in documents:
        bases = dict.fromkeys(map(_basis, one["runs"]))
        lacking = [n["missing"] for run in one["runs"] for n in run["needs"] if n["missing"]]
        made = one["cannot"] is None
        told = [one["name"], one["prompts"], *(one[name] if made else None for name in _SUMMED)]
        rows.append([*told, "; ".join(bases), "; ".join(dict.fromkeys(lacking)), one["cannot"]])
    columns = ["row", "prompts", "images", "hours", "bytes", "price", "hours_from", "missing"]
    return [*columns, "cannot"], rows


def _basis(run: dict[str, Any]) -> str:
    """What the hours of a run are from."""
    known = run["worker_hours"] is not None
    return str(run["basis"]) if known else "not known before images are there"


def _state(cannot: str | None, missing: Sequence[str], shared: str | None, notes: Notes) -> str:
    if cannot is not None:
        return f"cannot {notes.mark(cannot)}"
    if missing:
        return f"missing {''.join(dict.fromkeys(map(notes.mark, missing)))}"
    return "ready" if shared is None else f"ready {notes.mark(f'the same run as {shared!r}')}"


def _cells(told: dict[str, Any], known: bool) -> list[str]:
    if not known:
        return [UNDEFINED] * 4
    from ..stages.estimate import size

    hours, price = told["worker_hours"], told["price"]
    return [
        f"{told['images']:,}",
        UNDEFINED if hours is None else _hours(hours),
        UNDEFINED if told["bytes"] is None else size(told["bytes"]).removeprefix("about "),
        UNDEFINED if price is None else f"{price:,.2f}",
    ]


def _hours(hours: float) -> str:
    """Three digits, and 0.000 where there is nothing to wait for."""
    if hours < 0.001:
        return f"{hours:.3f}"
    return f"{hours:.3g}" if hours < 1000 else f"{hours:,.0f}"


def _plus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
