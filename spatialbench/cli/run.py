"""``spatialbench run``: from a method's name to the benchmark's table."""

from __future__ import annotations

from typing import Any

import click

from ..api.console import progress, say, say_next, stdout_reserved
from ..reports.report import FOR_PEOPLE, Form, Report
from ..weights.devices import chosen_device, named_device
from . import assembly
from .consent import ask_before_long_work, yes_option
from .dry_run import dry_run_options, plan_report, refuse_without_dry_run, table_plan_report
from .making import overlap_option, run_options
from .options import (
    depth_option,
    format_option,
    rule_options,
    table_detector_options,
)
from .parsing import Utf8
from .printing import by_option, show, signature_option
from .working import (
    WorkingOptions,
    refuse_given_up,
    say_shard_done,
    working_of,
    working_options,
)


@click.command("run")
@run_options
@table_detector_options
@depth_option
@rule_options
@working_options
@overlap_option
@dry_run_options
@click.option(
    "--until",
    type=Utf8(),
    metavar="METRIC±POINTS",
    help="Go on over the shuffle until the 95 % interval of a metric is so narrow, as in "
    "'OA+-1'; the prompts of --limit, else all of them, are the most.",
)
@yes_option
@by_option
@signature_option
@format_option
def command(
    dry_run: bool,
    calibrate: bool,
    price_per_hour: float | None,
    yes: bool,
    form: Form,
    **values: Any,
) -> None:
    """Make the images, find the objects, apply the rule, print the table.

    The same command again continues where the last one stopped; after completion it only prints
    the table. With --shard it prints the run's folder instead.

    Where --bench names a table of a paper, it does so for each of its prompt sets, and prints one
    row; --limit is then of every set, and --out a folder above their runs.
    """
    working = working_of(values)
    if dry_run:
        show(_plan(values, working, calibrate, price_per_hour), form)
        return
    refuse_without_dry_run(calibrate, price_per_hour)
    say("loading the libraries")
    from ..api import until
    from ..api.whole_table import WholeTable
    from ..reports.single import summary_report
    from ..runs.following import after_scoring, after_table
    from ..runs.timing import read_pace

    with stdout_reserved():
        shard = working.part()
        device = working.device(values["device"])
        executor = working.build(device)
        asked = assembly.evaluation(
            values, device=device, executor=executor, progress=progress(), shard=shard
        )
        table = WholeTable.of(asked)
        if not yes:
            parts = [asked] if table is None else list(table.parts.values())
            ask_before_long_work(parts, working.workers or 1, assembly.command_line())
        if table is None:
            meanwhile = f"To make only the images meanwhile, type '{assembly.generate_command()}'."
            done = [until.run(asked, meanwhile=meanwhile)]
        else:
            done = table.run()
        for opened, summary in done:
            if summary is None:
                say_shard_done(shard, opened)
    if not shard.whole:
        click.echo("\n".join(str(opened.path) for opened, _ in done))
    elif table is not None:
        show(table.report(done), form)
    else:
        ((opened, summary),) = done
        assert summary is not None
        report = summary_report(
            summary, asked.spec.benchmark, read_pace(opened.path), opened.manifest.name
        )
        show(report, form)
    refuse_given_up(*(opened for opened, _ in done))
    if form in FOR_PEOPLE and shard.whole:
        made = [opened for opened, _ in done]
        following = after_scoring(made[0]) if table is None else after_table(values["bench"], made)
        say_next(*following)


def _plan(
    values: dict[str, Any],
    working: WorkingOptions,
    calibrate: bool,
    price_per_hour: float | None,
) -> Report:
    from ..api.planning import plan
    from ..api.whole_table import WholeTable

    with stdout_reserved():
        device = named_device(values["device"] or "cpu")
        if calibrate:
            device = chosen_device(values["device"])
        asked = assembly.evaluation(values, device=device, here=calibrate, progress=progress())
        table = WholeTable.of(asked)
        how = (working.workers or 1, price_per_hour, calibrate)
        if table is not None:
            plans = {name: plan(part, *how) for name, part in table.parts.items()}
            return table_plan_report(table.title, plans, table.needs())
        planned = plan(asked, *how)
    return plan_report(planned)
