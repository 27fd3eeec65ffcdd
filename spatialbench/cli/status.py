"""``spatialbench status``: what a run has, what it lacks, what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api import choosing
from ..api.console import say
from ..errors import UserError
from ..reports.report import Form, Report
from ..reports.tables import Table
from .options import format_option
from .parsing import RunFolder
from .printing import show

if TYPE_CHECKING:
    from ..runs.status import Status


@click.command("status")
@click.argument("run", type=RunFolder())
@click.option(
    "--explain",
    is_flag=True,
    help="Also list the settings in which other runs of this method differ from RUN.",
)
@format_option
def command(run: Path, explain: bool, form: Form) -> None:
    """What RUN has, what it lacks, and what to type next. Changes nothing.

    A folder of runs is listed, one row per run.
    """
    from ..runs.finding import run_at, runs_below
    from ..runs.manifest import NAME

    several = run.is_dir() and not (run_at(run) / NAME).is_file()
    if several and (runs := runs_below(run)):
        if explain:
            raise UserError(f"--explain is of one run, and {run} holds {len(runs)}: name one.")
        show(_listed(runs), form)
        return

    state = _state(run)
    for notice in state.notices:
        say(notice)
    others = _differences(state.path) if explain else None
    rows = _rows(state)
    for folder, fields in (others or {}).items():
        rows += [[f"other run {folder}", field] for field in fields]
    if explain and not others:
        rows.append(["other runs", "none of this method and backbone"])
    table = Table(["run", str(state.path)], rows)
    report = Report([table], _document(state, others), (["what", "state"], rows))
    show(report, form)


def _state(run: Path) -> Status:
    from ..runs.status import status

    return status(choosing.existing_run(run))


def _listed(runs: list[Path]) -> Report:
    """One row per run; of one that cannot be read, why."""
    columns = ["run", "name", "images", "detections", "scored", "complete", "next"]
    rows, documents = [], []
    for run in runs:
        try:
            state = _state(run)
        except UserError as error:
            rows.append([str(run), "", "", "", "", "no", str(error)])
            documents.append({"run": str(run), "error": str(error)})
            continue
        seen = {**state.detections, **state.answers, **state.similarities}
        looked = _counted(max(seen.values(), default=None), state.images_expected)
        scored = _counted(state.scored, state.scored_expected)
        images = _images(state)
        complete = "no" if state.partial else "yes"
        called = state.name or ""
        rows.append([str(run), called, images, looked, scored, complete, state.next])
        documents.append(_document(state, None))
    if not any(row[1] for row in rows):
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    return Report([Table(columns, rows)], {"runs": documents})


def _counted(done: int | None, expected: int | None) -> str:
    return "none" if done is None or expected is None else f"{done:,}/{expected:,}"


def _images(state: Status) -> str:
    if state.begins != "images":
        return f"none: its {state.begins} were imported"
    return _counted(state.images, state.images_expected)


def _rows(state: Status) -> list[list[str]]:
    from ..reports.price import seconds_text

    rows = [] if state.name is None else [["name", state.name]]
    if state.rewriting is not None:
        rows.append(["rewritten prompts", state.rewriting])
    rows.append(["images", _images(state)])
    looked = {
        "detections": state.detections,
        "answers": state.answers,
        "similarities": state.similarities,
    }
    rows += [
        [f"{what} by {signature}", _counted(done, state.images_expected)]
        for what, models in looked.items()
        for signature, done in models.items()
    ]
    if not any(looked.values()):
        rows.append(["detections", "none"])
    rows.append(["scored", _counted(state.scored, state.scored_expected)])
    if state.one_colour:
        rows.append(["of one colour", f"{state.one_colour:,}"])
    if state.refused:
        rows.append(["refused", f"{state.refused:,}"])
    if state.server:
        told = ", ".join(f"{name} {value}" for name, value in state.server.items())
        rows.append(["server", told])
    if state.pace is not None:
        seconds = f"{seconds_text(state.pace.seconds)}, median ({state.pace.where})"
        rows.append(["seconds per image", seconds])
    rows += [["given up", sentence] for sentence in state.given_up]
    rows.append(["complete", "no" if state.partial else "yes"])
    rows.append(["next", state.next])
    return rows


def _document(state: Status, others: dict[str, list[str]] | None) -> dict[str, Any]:
    from ..reports.price import price_fields

    document = {
        "run": str(state.path),
        **({} if state.name is None else {"name": state.name}),
        "images": state.images,
        "images_expected": state.images_expected,
        "detections": state.detections,
        **({"answers": state.answers} if state.answers else {}),
        **({"similarities": state.similarities} if state.similarities else {}),
        "scored": state.scored,
        "scored_expected": state.scored_expected,
        "partial": state.partial,
        "begins": state.begins,
        "one_colour": state.one_colour,
        "refused": state.refused,
        **({"server": state.server} if state.server else {}),
        **price_fields(state.pace),
        "next": state.next,
        "given_up": state.given_up,
        "notices": state.notices,
    }
    return document if others is None else {**document, "others": others}


def _differences(run: Path) -> dict[str, list[str]]:
    """Runs beside this one and the fields in which they differ, as ``steps: here -> there``."""
    from ..runs.identity import differences
    from ..runs.manifest import read_manifest

    here = run.resolve()
    identity = read_manifest(run).identity
    found: dict[str, list[str]] = {}
    for folder in sorted(here.parent.iterdir()):
        if folder == here or not (folder / "manifest.json").is_file():
            continue
        try:
            found[folder.name] = differences(identity, read_manifest(folder).identity)
        except UserError as error:
            found[folder.name] = [str(error)]
    return found
