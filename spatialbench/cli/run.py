"""``spatialbench run``: from a method's name to the benchmark's table."""

from __future__ import annotations

from typing import Any

import click

from ..api.console import progress, stdout_reserved
from ..reports.report import Form, Report
from ..weights.devices import chosen_device, named_device
from . import assembly
from .dry_run import dry_run_options, plan_report, refuse_without_dry_run
from .options import detector_options, format_option, rule_options, run_options
from .working import (
    WorkingOptions,
    refuse_given_up,
    say_shard_done,
    working_of,
    working_options,
)


@click.command("run")
@run_options
@detector_options
@rule_options
@working_options
@dry_run_options
@format_option
def command(
    dry_run: bool, calibrate: bool, price_per_hour: float | None, form: Form, **values: Any
) -> None:
    """Make the images, find the objects, apply the rule, print the table.

    The same command again continues where the last one stopped; after completion it only prints
    the table. With --shard it prints the run's folder instead.
    """
    working = working_of(values)
    if dry_run:
        click.echo(_plan(values, working, calibrate, price_per_hour).text(form))
        return
    refuse_without_dry_run(calibrate, price_per_hour)
    from ..reports.single import summary_report
    from ..runs.timing import read_pace

    with stdout_reserved():
        shard = working.part()
        device = working.device(values["device"])
        executor = working.build(device)
        asked = assembly.evaluation(
            values, device=device, executor=executor, progress=progress(), shard=shard
        )
        opened, summary = asked.run(
            meanwhile=f"To make only the images meanwhile, type '{assembly.generate_command()}'."
        )
        if summary is None:
            say_shard_done(shard, opened)
    if summary is None:
        click.echo(opened.path)
    else:
        report = summary_report(
            summary, asked.spec.benchmark, read_pace(opened.path), opened.manifest.name
        )
        click.echo(report.text(form))
    refuse_given_up(opened)


def _plan(
    values: dict[str, Any],
    working: WorkingOptions,
    calibrate: bool,
    price_per_hour: float | None,
) -> Report:
    from ..api.planning import plan

    with stdout_reserved():
        device = named_device(values["device"] or "cpu")
        if calibrate:
            device = chosen_device(values["device"])
        asked = assembly.evaluation(values, device=device, here=calibrate, progress=progress())
        planned = plan(asked, working.workers or 1, price_per_hour, calibrate)
    return plan_report(planned)
