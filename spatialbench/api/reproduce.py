"""Making the rows of a recipe, and what Python calls: ``reproduce``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..executors.named import named_executor
from ..executors.ray_cluster import one_cluster
from ..plugins.kernels import STOCK, Kernels
from ..recipes.checks import claims_of, columns, metrics_known
from ..recipes.measured import MeasuredRow
from ..recipes.result import Cell, ClaimResult, Result, ResultRow
from ..runs.progress import Progress
from .batches import BatchSize
from .console import told
from .evaluation import Evaluation
from .recipe_needs import checked, run_key
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
    retry_refused: bool = False,
    overlap: bool = False,
    kernels: Kernels = STOCK,
    pack: bool = False,
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
        batch_size: images at a time; what follows is as of ``evaluate``.
        retry_refused: ask again for images that a method refused to make earlier.
        overlap: look at images while others are being made.
        kernels: what makes images faster and changes their rounding.
        pack: put the images into few large files.
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
        retry_refused=retry_refused,
        overlap=overlap,
        kernels=kernels,
        pack=pack,
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


@one_cluster()
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
            key = run_key(part)
            if key not in known:
                found.progress.notice(f"row {number} of {len(ready)}: {row.name}")
                # As new, so that what it loads goes with it.
                known[key] = _run(replace(part), row, found)
            made[row.name].append(known[key])
    return made


def _run(
    part: Evaluation, row: AskedRow, found: Reproduction
) -> tuple[StoredRun, ScoredRun | None]:
    try:
        run, summary = part.run()
        return run, None if summary is None else _scored(run, summary, part)
    except UserError as error:
        raise UserError(f"row {row.name!r}: {error}") from error
    except Exception as error:
        without = shlex.quote(f"!{row.name}")
        error.add_note(
            f"in row {row.name!r} of {found.source.path}; what is finished is kept, and the same "
            f"command goes on from there, or without this row with --rows {without}"
        )
        raise


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


def names_of(made: Made) -> Mapping[Path, str]:
    """By the folder of a run the first row that it is of."""
    named = [(run.path, f"row {name!r}") for name, runs in made.items() for run, _ in runs]
    return dict(reversed(named))


def runs_of(made: Made) -> list[Any]:
    """Every run once."""
    return list({str(run.path): run for runs in made.values() for run, _ in runs}.values())
