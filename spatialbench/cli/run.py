"""``spatialbench run``: from a method's name to the benchmark's table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from . import assembly
from .console import progress, say, stdout_reserved
from .options import detector_options, format_option, rule_options, run_options
from .working import refuse_given_up, say_shard_done, working_of, working_options

if TYPE_CHECKING:
    from ..runs.opening import RunSpec


@click.command("run")
@run_options
@detector_options
@rule_options
@working_options
@click.option("--dry-run", is_flag=True, help="Print the plan; load and write nothing.")
@format_option
def command(
    detector: str | None,
    rule: str | None,
    threshold: float | None,
    dry_run: bool,
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
        device = options.device or "cpu"
        click.echo(plan_text(options, options.spec(device), device, form))
        return
    from ..runs.names import backbone_name
    from ..runs.timing import read_pace
    from ..stages.whole import Work, run_all
    from .tables import summary_text

    with stdout_reserved():
        shard = working.part()
        device = working.device(options.device)
        executor = working.build(device)
        spec = options.spec(device)
        chosen_rule = assembly.rule(spec.benchmark, rule, spec.subset)
        backbone = backbone_name(spec.identity["generator"])
        found_by = assembly.detector(
            detector, spec.benchmark, spec.subset, backbone, device, options.offline
        )
        opened = options.open(spec, device)
        say(f"run: {opened.path}")
        work = Work(
            spec.generator, found_by, executor, options.batch, chosen_rule, threshold, shard
        )
        summary = run_all(opened, work, progress())
        if summary is None:
            say_shard_done(shard, opened)
    if summary is None:
        click.echo(opened.path)
    else:
        click.echo(summary_text(summary, spec.benchmark, form, read_pace(opened.path)))
    refuse_given_up(opened)


def plan_text(options: assembly.RunOptions, spec: RunSpec, device: str, form: str) -> str:
    """What a run would do; nothing is loaded or written."""
    from ..reports.tables import Table, render, render_csv
    from .estimate import duration, estimate, size

    expected = spec.expect(options.selection())
    folder = options.folder or spec.folder()
    cost = estimate(spec.identity["generator"], expected.images, device)
    plan = {
        "id": spec.id,
        "folder": str(folder),
        "prompts": len(expected.prompts),
        "images_per_prompt": expected.images_per_prompt,
        "images": expected.images,
        "device": device,
        "seconds": cost.seconds,
        "bytes": cost.bytes,
    }
    if form == "json":
        return json.dumps({**plan, "identity": spec.identity}, indent=2)
    shown = {
        **plan,
        "seconds": f"{duration(cost.seconds)} on {device}, roughly",
        "bytes": f"{size(cost.bytes)}, roughly",
    }
    rows = [[name, str(value)] for name, value in shown.items()]
    rows += [[f"identity.{name}", text] for name, text in _fields(spec.identity)]
    if form == "csv":
        return render_csv(["plan", "value"], rows)
    return render(Table(["plan", ""], rows), "md" if form == "md" else "table")


def _fields(value: Any, place: str = "") -> list[tuple[str, str]]:
    """Leaves of the identity by dotted name."""
    if not isinstance(value, dict) or not value:
        return [(place, value if isinstance(value, str) else json.dumps(value))]
    return [
        field
        for name, item in value.items()
        for field in _fields(item, f"{place}.{name}" if place else name)
    ]
