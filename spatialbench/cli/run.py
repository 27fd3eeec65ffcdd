"""``spatialbench run``: from a method's name to the benchmark's table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from . import assembly, parsing
from .console import progress, say, stdout_reserved
from .dry_run import (
    Planned,
    dry_run_options,
    measured_cost,
    plan_text,
    refuse_without_dry_run,
    rough_cost,
)
from .options import detector_options, format_option, rule_options, run_options
from .preflight import before_anything_is_made, listed
from .working import refuse_given_up, say_shard_done, working_of, working_options

if TYPE_CHECKING:
    from ..plugins import Detector


@click.command("run")
@run_options
@detector_options
@rule_options
@working_options
@dry_run_options
@format_option
def command(
    detector: str | None,
    rule: str | None,
    threshold: float | None,
    dry_run: bool,
    calibrate: bool,
    price_per_hour: float | None,
    form: str,
    **values: Any,
) -> None:
    """Make the images, find the objects, apply the rule, print the table.

    The same command again continues where the last one stopped; after completion it only prints
    the table. With --shard it prints the run's folder instead.
    """
    options = assembly.options_of(values)
    working = working_of(values)
    if dry_run:
        named = parsing.named_device(options.device or "cpu")
        planned = Planned(named, working.workers or 1, price_per_hour)
        click.echo(_plan(options, planned, detector, (rule, threshold), calibrate, form))
        return
    refuse_without_dry_run(calibrate, price_per_hour)
    from ..runs.names import backbone_name
    from ..runs.timing import read_pace
    from ..stages.whole import Work, run_all
    from .tables import summary_text

    with stdout_reserved():
        shard = working.part()
        device = working.device(options.device)
        executor = working.build(device)
        spec = options.spec(device)
        judging = assembly.judging(spec.benchmark, rule, threshold, spec.subset)
        expected = spec.expect(options.selection())
        backbone = backbone_name(spec.identity["generator"])
        found_by = assembly.detector(
            detector,
            spec.benchmark,
            spec.subset,
            backbone,
            device,
            options.offline,
            expected.prompts,
        )
        # A shard judges nothing.
        wanted = options.wanted(spec, expected, found_by, judging if shard.whole else None)
        before_anything_is_made(wanted)
        work = Work(spec.generator, found_by, executor, options.batch, judging, shard)
        with options.opened(spec, device, shared=not shard.whole) as opened:
            say(f"run: {opened.path}")
            summary = run_all(opened, work, progress())
        if summary is None:
            say_shard_done(shard, opened)
    if summary is None:
        click.echo(opened.path)
    else:
        click.echo(summary_text(summary, spec.benchmark, form, read_pace(opened.path)))
    refuse_given_up(opened)


def _plan(
    options: assembly.RunOptions,
    planned: Planned,
    detector: str | None,
    judged_by: tuple[str | None, float | None],
    calibrate: bool,
    form: str,
) -> str:
    from ..runs.names import backbone_name

    with stdout_reserved():
        if calibrate:
            planned = replace(planned, device=parsing.device(options.device))
        spec = options.spec(planned.device)
        judging = assembly.judging(spec.benchmark, *judged_by, spec.subset)
        expected = spec.expect(options.selection())

        def found_by() -> Detector:
            backbone = backbone_name(spec.identity["generator"])
            return assembly.detector(
                detector,
                spec.benchmark,
                spec.subset,
                backbone,
                planned.device,
                options.offline,
                expected.prompts,
            )

        needed = listed(lambda: options.wanted(spec, expected, found_by(), judging))
        if calibrate:
            cost = measured_cost(options, spec, expected, found_by(), planned)
        else:
            cost = rough_cost(options, spec, expected, planned)
    return plan_text(options, spec, expected, planned, cost, form, needed)
