"""``spatialbench guidance``: how the loss of guidance fell, by layer and step."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import say
from ..errors import UserError
from ..reports.report import Form
from .options import format_option
from .parsing import RunFolder


@click.command("guidance")
@click.argument("run", type=RunFolder())
@click.option(
    "--chart",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also draw the loss by step, a line for each layer, to this SVG file.",
)
@format_option
def command(run: Path, chart: Path | None, form: Form) -> None:
    """How the loss of guidance fell in RUN, layer by layer: of a run made with --record guidance.

    csv has the mean loss of each layer in each step.
    """
    from ..guidance.course import GUIDANCE
    from ..plugins.records import key_of
    from ..reports.charts.courses import courses_chart
    from ..reports.guidance import courses, guidance_report

    opened = choosing.existing_run(run)
    by_id = {prompt.id: prompt for prompt in opened.expected.prompts}
    found = [
        (by_id[key_of(record)[0]], record[GUIDANCE])
        for record in opened.directory.recordings.records(say)
        if GUIDANCE in record and key_of(record)[0] in by_id
    ]
    if not found:
        raise UserError(
            f"{opened.path} has no record of its guidance. It can be kept only while images are "
            "made: give the command that made them another --out and --record guidance."
        )
    done = courses(found, opened.expected.benchmark)
    name = opened.manifest.name or opened.path.name
    report = guidance_report(name, done, len(opened.expected.keys()))
    if chart is not None:
        lines = [(layer.name, layer.course) for layer in done.layers]
        drawn = courses_chart(f"{name}: mean loss by layer and step", done.steps, lines)
        try:
            chart.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n{drawn}\n', "utf-8")
        except OSError as error:
            raise UserError(f"the chart {chart} cannot be written ({error}).") from error
        say(f"wrote {chart}")
    click.echo(report.text(form))
