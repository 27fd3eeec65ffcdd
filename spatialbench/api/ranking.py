"""Runs beside each other and beside published rows: which are rows, and of which table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from .. import plugins
from ..errors import UserError, typed, unknown_name
from ..plugins import Benchmark, Metric, Published
from ..reports.leaderboard import leaderboard as ranked
from ..reports.naming import label_assignments, labelled
from ..reports.published import read_figures
from ..reports.quality import quality_of
from ..reports.report import Report
from ..reports.results import find_runs, find_unscored, read_summary
from ..reports.rows import Row
from ..reports.scored import without_undefined
from ..runs.conditions import Conditions
from ..runs.manifest import read_manifest
from ..runs.timing import read_pace
from ..scoring.other_rules import run_of
from ..scoring.rules.catalogue import metrics_of
from ..scoring.summary import WITHOUT_REASONS, Summary
from . import choosing
from .choosing_rows import chosen_papers, chosen_runs, in_order
from .whole_table import table_report

Notice = Callable[[str], None]


def leaderboard(
    runs: Sequence[Path],
    bench: str | None = None,
    *,
    published: bool | Sequence[str] = True,
    only: Sequence[str] = (),
    columns: Sequence[str] = (),
    sort: str | None = None,
    figures: Path | None = None,
    price: bool = False,
    quality: bool = False,
    groups: bool = False,
    labels: Mapping[str, str] | Sequence[str] = (),
    notice: Notice,
) -> Report:
    """The runs at or below some folders, beside each other and beside published rows.

    Args:
        runs: run directories, or folders above some.
        bench: the benchmark of the table; None for that of the runs.
        published: whether to show the results of papers; or patterns of their methods, bases or
            sources, or ``none`` alone.
        only: patterns of the names, methods or folders of the runs to show; empty for all.
        columns: those to show, where some of them are metrics; empty for all.
        sort: a metric that orders the rows, or another column; with ``-`` before it, the last
            first.
        figures: a JSON file with more of them.
        price: whether to show what accuracy costs.
        quality: whether to show what was measured of the images' quality, too.
        groups: whether to show the runs by relation or task, too.
        labels: what to call runs, by their directory or id; or each as ``RUN=TEXT``.
        notice: told what is left out, and why.

    Raises:
        UserError: a folder without runs, runs of several benchmarks, a summary or a published row
            that contradicts itself, a label for no run of the table.
    """
    # A place that the user names; afterwards the name in it means it too.
    table = choosing.table_named(bench) if bench else None
    if bench:
        bench = (table or choosing.benchmark_and_subset(bench))[0].name
    rows, left_out = _rows(runs, notice)
    name = _benchmark_name(rows, bench, notice)
    if name not in plugins.names("benchmark"):
        raise unknown_name("benchmark", name, plugins.names("benchmark"))
    benchmark = plugins.load("benchmark", name)
    require_consistent(benchmark, rows)
    brought = read_figures(figures, benchmark) if figures else []
    others = chosen_papers(benchmark.published(), brought, published)
    own = [row for row in rows if row.result.benchmark == name]
    prescribed = partial(Conditions.prescribed, benchmark)
    own = _called(own, labels)
    if only:
        own = chosen_runs(own, only)
    metrics = columns_of(benchmark, own, others)
    if sort is not None:
        own, others = in_order(own, others, metrics, sort)
    asked = [metric for metric in metrics if metric.key in columns]
    metrics = asked or metrics
    if quality:
        own = [replace(row, quality=quality_of(run_of(Path(row.run)))) for row in own]
    if table is not None:
        report, without = table_report(benchmark, table[1], own, others, prescribed)
        for row in without:
            why = f"{row.result.rule} fills none of its columns, or another run has more images"
            notice(f"not in the table: {row.run}: {why}")
        return report
    shown = (price, quality, left_out, benchmark.typed, groups)
    return ranked(name, own, others, metrics, prescribed, *shown)


def _called(rows: Sequence[Row], labels: Mapping[str, str] | Sequence[str]) -> list[Row]:
    """The rows with what their users call them."""
    runs = {row.run: run_of(Path(row.run)) for row in rows}
    ids = {runs[row.run]: row.result.run for row in rows}
    if not isinstance(labels, Mapping):
        labels = label_assignments(labels, ids)
    given = labelled(ids, labels)
    return [replace(row, given=given.get(runs[row.run]) or own_name(runs[row.run])) for row in rows]


def own_name(run: Path) -> str | None:
    """The name in a run's manifest; a summary that somebody sent may have none beside it."""
    try:
        return read_manifest(run).name
    except UserError:
        return None


def columns_of(
    benchmark: Benchmark, rows: Sequence[Row], others: Sequence[Published]
) -> list[Metric]:
    """The metrics that any row has; a benchmark's subsets and rules can have different ones."""
    present = {key for row in rows for key in row.result.metrics}
    present |= {key for entry in others for key in entry.metrics}
    rules = dict.fromkeys(row.result.rule for row in rows)
    columns: dict[str, Metric] = {}
    for metric in [*benchmark.metrics, *(m for r in rules for m in metrics_of(benchmark, r))]:
        if metric.headline:
            columns.setdefault(metric.key, metric)
    known = [metric for key, metric in columns.items() if key in present]
    return known or list(benchmark.metrics)


def _rows(runs: Sequence[Path], notice: Notice) -> tuple[list[Row], dict[str, str]]:
    """The rows, and by its folder why a run is none.

    Raises:
        UserError: a folder without runs, or no scored run at all.
    """
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
        try:
            result = read_summary(run)
        except UserError:
            if run_of(run).is_dir():
                raise
            left_out[str(run)] = "removed meanwhile"
            continue
        same = (row.run for row in rows if row.result == result)
        original = next(same, None)
        if original is not None:
            left_out[str(run)] = f"a copy of {original}"
            continue
        rows.append(row_of(run, result, notice))
    for place, why in left_out.items():
        notice(f"not in the table: {place} is {why}")
    return rows, left_out


def row_of(run: Path, result: Summary, notice: Notice) -> Row:
    """The row of a folder with this summary; one of an earlier version is brought up to date."""
    if result.format == WITHOUT_REASONS:
        result = _brought_up_to_date(run, result, notice)
    return Row(str(run), result, read_pace(run_of(run)), own_name(run_of(run)))


def _brought_up_to_date(run: Path, summary: Summary, notice: Notice) -> Summary:
    """The summary of a version that printed 0 for what is undefined, with that taken out."""
    try:
        if run_of(run) != run:
            raise UserError(f"it is one of the other rules of {run_of(run)}.")
        return without_undefined(choosing.existing_run(run))
    except UserError as error:
        again = typed("score", run_of(run))
        notice(
            f"{run}: an earlier version scored it, and a 0 can be undefined ({error}): '{again}'"
        )
        return summary


def require_consistent(benchmark: Benchmark, rows: Sequence[Row]) -> None:
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


def _benchmark_name(rows: Sequence[Row], given: str | None, notice: Notice) -> str:
    present = sorted({row.result.benchmark for row in rows})
    if given:
        others = [name for name in present if name != given]
        if others:
            notice(f"left out: runs of {', '.join(others)}")
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
