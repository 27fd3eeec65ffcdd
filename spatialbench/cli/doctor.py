"""``spatialbench doctor``: is this installation able to do what it will be asked to do?"""

from __future__ import annotations

from dataclasses import asdict

import click

from ..api.console import progress, stdout_reserved
from ..reports.report import Form, Report
from ..reports.tables import Table
from .options import format_option


@click.command("doctor")
@click.option(
    "--record-canary",
    is_flag=True,
    help="Also record what every sound detector finds in fixed images; later it must find the "
    "same before it is used.",
)
@format_option
def command(record_canary: bool, form: Form) -> None:
    """Check versions, extras, the cache, the lab's weights and every installed detector.

    Nothing is downloaded. The exit status is 2 where something is broken.
    """
    from .checks import all_checks

    with stdout_reserved():
        shown = progress()
        findings = []
        for check in all_checks(record_canary):
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
