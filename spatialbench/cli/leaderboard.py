"""``spatialbench leaderboard``: runs beside each other and beside published rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import plugins
from ..errors import UserError
from .console import say
from .options import format_option

if TYPE_CHECKING:
    from ..plugins import BenchmarkPlugin
    from ..reports.leaderboard import Conditions, Row


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
    help="Also show what accuracy costs: detector confidence, duplicates an image, seconds an "
    "image. --format json always has them.",
)
@format_option
def command(
    runs: Sequence[Path], bench: str | None, published: bool, price: bool, form: str
) -> None:
    """Runs beside each other and beside published rows, with intervals and signatures.

    RUN is a run directory or any folder above some, such as runs/visor. Rows of the lab stand in a
    table of their own.
    """
    from ..reports.leaderboard import leaderboard_text

    rows = _rows(runs)
    name = _benchmark_name(rows, bench)
    benchmark = plugins.load("benchmark", name)
    text = leaderboard_text(
        name,
        [row for row in rows if row.result.benchmark == name],
        list(benchmark.published()) if published else [],
        list(benchmark.headline),
        form,  # type: ignore[arg-type]
        standard_conditions(benchmark),
        price,
    )
    click.echo(text)


def _rows(runs: Sequence[Path]) -> list[Row]:
    from ..reports.leaderboard import Row
    from ..reports.results import find_runs, read_result
    from ..runs.timing import read_pace

    return [
        Row(
            str(run),
            read_result(run),
            json.loads((run / "summary.json").read_text("utf-8")),
            read_pace(run),
        )
        for run in find_runs(runs)
    ]


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
            "rows alone, as in 'spatialbench leaderboard --bench visor'."
        )
    raise UserError(
        f"these runs are of several benchmarks ({', '.join(present)}), which share no table: "
        f"choose one, as in --bench {present[0]}."
    )


def standard_conditions(benchmark: BenchmarkPlugin) -> Conditions | None:
    """What the benchmark's own numbers are measured with; None where its detector is missing."""
    from ..reports.leaderboard import Conditions

    rule = next(iter(benchmark.rules.values()))
    try:
        detector = plugins.load("detector", benchmark.detector).configure(None, "cpu", True)
        signature = detector.signature()
    except UserError:
        return None
    version = f"{benchmark.name}/{benchmark.version}"
    return Conditions(version, rule.name, signature, rule.threshold)
