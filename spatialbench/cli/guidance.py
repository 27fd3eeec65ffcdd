"""``spatialbench guidance``: how the loss of guidance fell, by layer and step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api import choosing
from ..api.console import say
from ..errors import UserError
from ..reports.report import Form
from .options import format_option
from .parsing import Place, RunFolder

if TYPE_CHECKING:
    from markupsafe import Markup


@click.command("guidance")
@click.argument("run", type=RunFolder())
@click.option(
    "--chart",
    type=Place(dir_okay=False),
    help="Also draw the loss by step, a line for each layer, to this file: .svg, or .pdf and .png, "
    "which need pip install 'spatialbench[figures]'.",
)
@format_option
def command(run: Path, chart: Path | None, form: Form) -> None:
    """How the loss of guidance fell in RUN, layer by layer: of a run made with --record guidance.

    csv has the mean loss of each layer in each step.
    """
    from ..guidance.course import GUIDANCE
    from ..plugins.records import key_of
    from ..reports.charts.as_files import FORMS, require_forms
    from ..reports.charts.courses import courses_chart
    from ..reports.guidance import courses, guidance_report

    if chart is not None:
        ending = chart.suffix.removeprefix(".").lower()
        if ending not in ("svg", *FORMS):
            raise UserError(
                f"--chart {chart}: give a file that ends in .svg, .{' or .'.join(FORMS)}."
            )
        require_forms([ending] if ending in FORMS else [])
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
        _write(chart, courses_chart(f"{name}: mean loss by layer", done.steps, lines))
        say(f"wrote {chart}")
    click.echo(report.text(form))


def _write(chart: Path, drawn: Markup) -> None:
    from ..reports.charts.as_files import converted, standalone
    from ..runs.files import write_report

    ending = chart.suffix.removeprefix(".").lower()
    content = standalone(drawn).encode() if ending == "svg" else converted(drawn, ending)
    if not chart.parent.is_dir():
        raise UserError(
            f"the chart {chart} cannot be written (there is no folder {chart.parent}): make it, or "
            "give another file."
        )
    write_report(chart, content)
