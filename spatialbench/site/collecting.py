"""The runs of a site, and why others are not shown; one that is damaged does not stop the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .. import plugins
from ..api.ranking import require_consistent, row_of
from ..errors import UserError, typed, unknown_name
from ..plugins import Benchmark
from ..reports.naming import label_assignments, labelled
from ..reports.results import find_runs, find_unscored, read_summary
from ..reports.rows import Row
from ..scoring.other_rules import run_of


@dataclass(frozen=True)
class Collection:
    """The rows of a site, by the name of their benchmark.

    Attributes:
        benchmarks: of the rows, by name, in the order of their first rows.
        rows: all of them, with what their users call them.
        left_out: by its folder why a run is no row.
    """

    benchmarks: dict[str, Benchmark]
    rows: list[Row]
    left_out: dict[str, str]


def collect(folders: Sequence[Path], labels: Sequence[str] = ()) -> Collection:
    """The runs at or below some folders.

    A run that is removed meanwhile, or that is damaged, is left out, with the reason.

    Raises:
        UserError: no folder, one that is not there, no scored run in any of them; a label for no
            run.
    """
    if not folders:
        raise UserError(
            "a site is of runs, and none is named: give run directories or folders above some, as "
            "in 'spatialbench site runs --out site'."
        )
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no run directory {folder}; expected a folder 'run' wrote.")
    left_out = {
        str(run): f"it is not scored; '{typed('status', run)}' says what to type"
        for run in find_unscored(folders)
    }
    benchmarks: dict[str, Benchmark] = {}
    rows: list[Row] = []
    for run in _found(folders):
        try:
            result = read_summary(run)
            original = next((row.run for row in rows if row.result == result), None)
            if original is not None:
                left_out[str(run)] = f"it is a copy of {original}"
                continue
            row = row_of(run, result, lambda said: None)
            benchmark = _benchmark(result.benchmark)
            require_consistent(benchmark, [row])
        except (UserError, OSError) as error:
            left_out[str(run)] = str(error)
            continue
        benchmarks.setdefault(benchmark.name, benchmark)
        rows.append(row)
    if not rows:
        where = ", ".join(map(str, folders))
        why = "".join(f"\n  {place}: {said}" for place, said in left_out.items())
        raise UserError(f"no run of {where} can be shown; name a folder with a scored run.{why}")
    return Collection(benchmarks, _called(rows, labels), left_out)


def _found(folders: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        try:
            found += find_runs([folder])
        except UserError:
            continue  # it holds none that is scored, which is told of each
    return list(dict.fromkeys(found))


def _benchmark(name: str) -> Benchmark:
    if name not in plugins.names("benchmark"):
        raise unknown_name("benchmark", name, plugins.names("benchmark"))
    return plugins.load("benchmark", name)


def _called(rows: Sequence[Row], labels: Sequence[str]) -> list[Row]:
    ids = {run_of(Path(row.run)): row.result.run for row in rows}
    given = labelled(ids, label_assignments(labels, ids))
    return [replace(row, given=given.get(run_of(Path(row.run)), row.given)) for row in rows]
