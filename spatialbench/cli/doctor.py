"""``spatialbench doctor``: is this installation able to do what it will be asked to do?"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

import click

from ..api.console import progress, stdout_reserved
from ..errors import UserError
from ..reports.report import Form, Report
from ..reports.tables import Table
from .options import device_option, format_option


@click.command("doctor")
@click.option(
    "--record-canary",
    is_flag=True,
    help="Also record what every sound detector finds in fixed images; later it must find the "
    "same before it is used.",
)
@click.option(
    "--backbone",
    help="Check this backbone alone: are three images the same, made one by one and in a batch?",
)
@click.option("--width", type=click.IntRange(min=1), help="With --backbone: in pixels.")
@click.option("--height", type=click.IntRange(min=1), help="With --backbone: in pixels.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    help="With --backbone: number format of the models; default: its own.",
)
@device_option
@format_option
def command(record_canary: bool, form: Form, **asked: Any) -> None:
    """Check versions, extras, the cache, the lab's weights and every installed detector.

    Nothing is downloaded. The exit status is 2 where something is broken.
    """
    from .checks import all_checks, backbone_check

    given = [name for name, value in asked.items() if value is not None and name != "backbone"]
    if given and asked["backbone"] is None:
        raise UserError(f"--{given[0]} is for the check of one backbone: add --backbone.")
    if asked["backbone"] is not None and record_canary:
        raise UserError("--record-canary is for detectors: leave it out, or leave out --backbone.")

    with stdout_reserved():
        shown = progress()
        findings = []
        one = asked["backbone"] is not None
        for check in [partial(backbone_check, **asked)] if one else all_checks(record_canary):
            found = check()
            findings += found
            for finding in found:
                if finding.state == "broken":
                    shown.notice(f"broken: {finding.what}: {finding.detail}")
    rows = [[finding.state, finding.what, finding.detail] for finding in findings]
    table = Table(["state", "what", "detail"], rows)
    click.echo(Report([table], [asdict(finding) for finding in findings]).text(form))
    if any(finding.state == "broken" for finding in findings):
        click.get_current_context().exit(2)
