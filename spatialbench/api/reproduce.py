"""Making the rows of a recipe, and what Python calls: ``reproduce``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..executors.named import named_executor
from ..plugins.requirements import Requirement
from ..recipes.checks import claims_of, columns, metrics_known
from ..recipes.measured import MeasuredRow
from ..recipes.result import Cell, ClaimResult, Result, ResultRow
from ..runs.progress import Progress
from .batches import BatchSize
from .console import told
from .evaluation import Evaluation
from .reproducing import AskedRow, Reproduction, asked

if TYPE_CHECKING:
    from ..executors import Executor
    from ..reports.report import Form
    from ..reports.scored import ScoredRun
    from ..runs.opening import Run as StoredRun
    from ..scoring.summary import Summary


@dataclass(frozen=True)
class Reproduced:
    """A table made again.

    Attributes:
        result: every row and claim, see ``spatialbench.recipes.result``.
    """

    result: Result

    @property
    def rows(self) -> Sequence[ResultRow]:
        """The rows, in the order of the recipe."""
        return self.result.rows

    @property
    def claims(self) -> Sequence[ClaimResult]:
        """Which row is said to beat which, and whether it does."""
        return self.result.claims

    def cells(self, row: str) -> dict[str, Cell]:
        """By metric what was published and measured of a row. Raises KeyError for no such row."""
        found = {one.name: one for one in self.rows}[row]
        return {cell.metric: cell for cell in self.result.cells(found)}

    def table(self, form: Form = "table") -> str:
        """The tables of ``spatialbench reproduce`` in any form of its ``--format``."""
        from ..recipes.table import result_report

        return result_report(self.result).text(form)


def reproduce(
    recipe: str | Path,
    *,
    backbone: str | None = None,
    limit: int | None = None,
    images_per_prompt: int | None = None,
    rows: str | Sequence[str] = (),
    margin: float | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    batch_size: BatchSize | None = None,
    offline: bool = False,
    executor: str | Executor = "local",
    workers: int | None = None,
    progress: bool | Progress = True,
) -> Reproduced:
    """Make a paper's table again and hold it to what the paper prints; as the verb of that name.

    The same call again continues where the last one stopped.

    Args:
        recipe: the id of a shipped recipe, ``PAPER/TABLE``, or a file.
        backbone: what all rows are made with instead of the paper's models, such as ``lab``: then
            the claims are tested, and not the values.
        limit: at most so many prompts per row.
        images_per_prompt: None for the recipe's.
        rows: patterns of names; only rows that match one, and none that one behind ``!`` names.
        margin: percentage points within which a value agrees; None for the recipe's.
        out: a folder for the runs, in which they lie as under ``runs`` otherwise.
        device: such as ``cuda:1``; None for cuda where there is one.
        batch_size: images at a time.
        offline: take nothing from the network.
        executor: ``local``, ``ray`` or an object.
        workers: of ray.
        progress: True draws on stderr, False draws nothing; or an object that is told.

    Raises:
        UserError: what the caller can put right, of any row, before the first image.
    """
    shown = told(progress)
    if isinstance(executor, str):
        executor = named_executor(executor, shown.notice, workers=workers, device=device)
    found = asked(
        recipe,
        backbone=backbone,
        limit=limit,
        images_per_prompt=images_per_prompt,
        rows=[rows] if isinstance(rows, str) else rows,
        out=None if out is None else Path(out),
        margin=margin,
        device=device,
        batch_size=batch_size,
        offline=offline,
        executor=executor,
        progress=shown,
    )
    try:
        return Reproduced(result_of(found, make(found)))
    finally:
        shown.end()


Made = dict[str, list[tuple["StoredRun", "ScoredRun | None"]]]
"""By row the run of each seed scheme; unscored of a shard."""


def make(found: Reproduction) -> Made:
    """Do what is left to do of every row; rows that cannot be made are left out.

    Raises:
        UserError: what is missing for any row, before anything is made.
    """
    ready = checked(found)
    made: Made = {}
    known: dict[tuple[object, ...], tuple[StoredRun, ScoredRun | None]] = {}
    for number, row in enumerate(ready, 1):
        made[row.name] = []
        for part in row.parts:
            key = _key(part)
            if key not in known:
                found.progress.notice(f"row {number} of {len(ready)}: {row.name}")
                # As new, so that what it loads goes with it.
                known[key] = _run(replace(part), row)
            made[row.name].append(known[key])
    return made


def checked(found: Reproduction) -> list[AskedRow]:
    """The rows that can be made here; what they take from the network is fetched.

    A row with the paper's own model that lacks something is an error. With another model it is
    left out, unless it lacks what every row does.

    Raises:
        UserError: names the rows and everything that is missing.
    """
    from ..stages.preflight import fetch, require

    needs, disk = lacking(found)
    ready, missing = [], []
    for row, needed in needs:
        absent = [one for one in needed if one.missing and not one.fetchable]
        if not absent or row.point.instead is None:
            ready.append((row, needed))
            continue
        missing += absent
        found.cannot[row.name] = " ".join(dict.fromkeys(str(one.missing) for one in absent))
    if not ready:
        reasons = [row.cannot for row in found.rows if row.cannot]
        require({one.missing: one for one in missing}.values(), fetch=_nothing)
        raise UserError(
            f"{found.source.path}: none of the {len(found.rows)} rows can be made"
            f"{f' with {found.backbone}' if found.backbone else ''}: "
            f"{' '.join(dict.fromkeys(map(str, reasons)))}"
        )
    everything = {one.missing or one.what: one for _, needed in ready for one in needed}
    offer = ' To make the others, leave a row out with --rows "!NAME".'

    def fetched() -> None:
        for row, _ in ready:
            for part in row.parts:
                fetch(part.wanted())

    require([*everything.values(), *disk], fetch=fetched, offer=offer)
    return [row for row, _ in ready]


def _nothing() -> None:
    """Fetch nothing."""


def lacking(
    found: Reproduction,
) -> tuple[list[tuple[AskedRow, list[Requirement]]], list[Requirement]]:
    """What each row that can be made needs of this machine, and the disk for all together."""
    from ..stages.preflight import disk, due, needs

    rows: list[tuple[AskedRow, list[Requirement]]] = []
    images, size, folder = 0, 0.0, None
    seen: set[tuple[object, ...]] = set()
    for row in found.makeable:
        needed: list[Requirement] = []
        for part in row.parts:
            try:
                wanted = part.wanted()
                needed += needs(replace(wanted, image_bytes=None))
                missing = 0 if _key(part) in seen else len(due(wanted))
            except UserError as error:
                needed.append(Requirement("what the row asks for", str(error)))
                continue
            seen.add(_key(part))
            images, size = images + missing, size + missing * (wanted.image_bytes or 0)
            folder = folder or part.folder
        rows.append((row, needed))
    return rows, [] if folder is None or not size else [disk(folder, images, size)]


def unique_parts(found: Reproduction) -> list[Evaluation]:
    """What is evaluated, each run once; of rows that can be made."""
    parts = [part for row in found.makeable for part in row.parts]
    return list({_key(part): part for part in parts}.values())


def _key(part: Evaluation) -> tuple[object, ...]:
    """What two rows share that are one and the same run, judged alike."""
    judged = (part.detector, str(part.judge), part.depth, part.rule, part.threshold, part.synonyms)
    return (str(part.folder), part.limit, part.only, part.images_per_prompt, *judged)


def _run(part: Evaluation, row: AskedRow) -> tuple[StoredRun, ScoredRun | None]:
    try:
        run, summary = part.run()
        return run, None if summary is None else _scored(run, summary, part)
    except UserError as error:
        raise UserError(f"row {row.name!r}: {error}") from error


def _scored(run: StoredRun, summary: Summary, part: Evaluation) -> ScoredRun:
    """The verdicts of these images, also where the run on disk has more of them."""
    from ..reports.scored import ScoredRun, load_scored
    from ..runs.progress import Silent
    from ..scoring.score import judge_run, looked_by

    if summary.written:
        return replace(load_scored(run), result=summary)
    detector = None if part.found_by is None else part.found_by.signature()
    judges = [judge.signature() for judge in part.answered_by]
    looks, judging = looked_by(run, part.judging, detector, judges)
    judged = judge_run(looks, judging, Silent())
    return ScoredRun(run, summary, judged.table, judged.reasons)


def result_of(found: Reproduction, made: Made) -> Result:
    """What was measured, held to what was published.

    Args:
        made: with every run scored.
    """
    recipe = found.source.recipe
    points = [row.point for row in found.rows]
    metrics = metrics_known(found.benchmark)
    keys = columns(recipe, points, found.benchmark)
    ranked_by = recipe.ranked_by or keys[0]
    rows = []
    for row in found.rows:
        runs = [scored for _, scored in made.get(row.name, ()) if scored is not None]
        measured = MeasuredRow(runs, row.paper[0]) if runs else None
        cannot = None if measured else found.why_not(row)
        rows.append(ResultRow(row.point, measured, cannot, row.differs()))
    stated = claims_of(recipe, found.every_point, metrics, ranked_by)
    return Result(
        name=found.source.name,
        recipe=recipe,
        rows=rows,
        columns=keys,
        metrics=metrics,
        stated=stated,
        margin=found.margin,
        backbone=found.backbone,
        left_out=found.left_out,
    )


def shard_folders(made: Made) -> list[str]:
    """Where the runs of a shard lie, each once."""
    return list(dict.fromkeys(str(run.path) for runs in made.values() for run, _ in runs))


def runs_of(made: Made) -> list[Any]:
    """Every run once."""
    return list({str(run.path): run for runs in made.values() for run, _ in runs}.values())
