"""``spatialbench leaderboard``: runs beside each other and beside published rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import plugins
from ..api import choosing
from ..api.console import say
from ..errors import UserError, typed
from ..reports.report import Form
from .options import format_option

if TYPE_CHECKING:
    from ..plugins import Benchmark, Metric, Published
    from ..reports.competition import Prescribed
    from ..reports.rows import Row
    from ..scoring.summary import Summary


@click.command("leaderboard")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="[RUN]...")
@click.option("--bench", help="The benchmark; default: that of the runs.")
@click.option(
    "--published/--no-published",
    default=True,
    show_default=True,
    help="Whether to show the results of papers.",
)
@click.option(
    "--price",
    is_flag=True,
    help="Also show what accuracy costs: detector confidence, duplicates per image, seconds per "
    "image. --format json always has them.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, dir_okay=False),
    help="More published rows, from a JSON file; rows that contradict themselves are refused.",
)
@format_option
def command(
    runs: Sequence[Path],
    bench: str | None,
    published: bool,
    price: bool,
    figures: Path | None,
    form: Form,
) -> None:
    """Runs beside each other and beside published rows, with intervals and signatures.

    RUN is a run directory or any folder above some, such as runs/visor. Rows of the lab stand in a
    table of their own.
    """
    from ..reports.leaderboard import leaderboard
    from ..reports.published import read_figures

    rows, left_out = _rows(runs)
    name = _benchmark_name(rows, bench)
    benchmark = plugins.load("benchmark", name)
    _check(benchmark, rows)
    others = list(benchmark.published()) if published else []
    others += read_figures(figures, benchmark) if figures else []
    own = [row for row in rows if row.result.benchmark == name]
    report = leaderboard(
        name,
        own,
        others,
        _columns(benchmark, own, others),
        prescribed_by(benchmark),
        price,
        left_out,
    )
    click.echo(report.text(form))


def _columns(
    benchmark: Benchmark, rows: Sequence[Row], others: Sequence[Published]
) -> list[Metric]:
    """The metrics that any row has; a benchmark's subsets and rules can have different ones."""
    from ..scoring.rules.catalogue import metrics_of

    present = {key for row in rows for key in row.result.metrics}
    present |= {key for entry in others for key in entry.metrics}
    rules = dict.fromkeys(row.result.rule for row in rows)
    columns: dict[str, Metric] = {}
    for metric in [*benchmark.metrics, *(m for r in rules for m in metrics_of(benchmark, r))]:
        if metric.headline:
            columns.setdefault(metric.key, metric)
    known = [metric for key, metric in columns.items() if key in present]
    return known or list(benchmark.metrics)


def _rows(runs: Sequence[Path]) -> tuple[list[Row], dict[str, str]]:
    """The rows, and by its folder why a run is none.

    Raises:
        UserError: a folder without runs, or no scored run at all.
    """
    from ..reports.results import find_runs, find_unscored, read_summary
    from ..reports.rows import Row
    from ..runs.timing import read_pace
    from ..scoring.other_rules import run_of
    from ..scoring.summary import WITHOUT_REASONS

    found, failures = [], []
    for folder in runs:
        try:
            found += find_runs([folder])
        except UserError as error:
            if not find_unscored([folder]):
                raise
            failures.append(error)
    if failures and not found:
        raise failures[0]
    left_out = {
        str(run): f"not scored; '{typed('status', run)}' says what to type"
        for run in find_unscored(runs)
    }
    rows: list[Row] = []
    for run in dict.fromkeys(found):
        result = read_summary(run)
        same = (row.run for row in rows if row.result == result)
        original = next(same, None)
        if original is not None:
            left_out[str(run)] = f"a copy of {original}"
            continue
        if result.format == WITHOUT_REASONS:
            result = _brought_up_to_date(run, result)
        rows.append(Row(str(run), result, read_pace(run_of(run))))
    for place, why in left_out.items():
        say(f"not in the table: {place} is {why}")
    return rows, left_out


def _brought_up_to_date(run: Path, summary: Summary) -> Summary:
    """The summary of a version that printed 0 for what is undefined, with that taken out."""
    from ..reports.scored import without_undefined
    from ..scoring.other_rules import run_of

    try:
        if run_of(run) != run:
            raise UserError(f"it is one of the other rules of {run_of(run)}.")
        return without_undefined(choosing.existing_run(run))
    except UserError as error:
        again = typed("score", run_of(run))
        say(f"{run}: an earlier version scored it, and a 0 can be undefined ({error}): '{again}'")
        return summary


def _check(benchmark: Benchmark, rows: Sequence[Row]) -> None:
    """Our own numbers obey the benchmark's identities to the last bits, unless a file was altered.

    Raises:
        UserError: a summary that breaks one.
    """
    for row in rows:
        result = row.result
        if result.benchmark != benchmark.name:
            continue
        numbers = {key: v for key, v in result.metrics.items() if v is not None}
        whole = result.images == benchmark.images_per_prompt * result.prompts
        broken = benchmark.violations(numbers, 1e-7, whole)
        if broken:
            raise UserError(
                f"{row.run}/summary.json contradicts itself ({'; '.join(broken)}): it was altered "
                f"or is damaged; type '{typed('score', row.run)}' after deleting it."
            )


def _benchmark_name(rows: Sequence[Row], given: str | None) -> str:
    present = sorted({row.result.benchmark for row in rows})
    if given:
        others = [name for name in present if name != given]
        if others:
            say(f"left out: runs of {', '.join(others)}")
        return given
    if len(present) == 1:
        return present[0]
    if not present:
        raise UserError(
            "no run and no benchmark given: name run directories, or a benchmark for its published "
            "rows alone, as in 'spatialbench leaderboard --bench NAME'."
        )
    raise UserError(
        f"these runs are of several benchmarks ({', '.join(present)}), which share no table: "
        f"choose one, as in --bench {present[0]}."
    )


def prescribed_by(benchmark: Benchmark) -> Prescribed:
    """What the benchmark's published rows are measured under, given the prompt set of a run."""
    from functools import partial

    from ..runs.conditions import Conditions

    return partial(Conditions.prescribed, benchmark)
