"""``spatialbench doctor``: is this installation able to do what it will be asked to do?"""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from ..api.console import progress, stdout_reserved
from .options import format_option


@click.command("doctor")
@click.option(
    "--record-canary",
    is_flag=True,
    help="Also keep what every sound detector finds in fixed images: from then on it must find "
    "the same before it scores.",
)
@format_option
def command(record_canary: bool, form: str) -> None:
    """Check versions, extras, the cache, the lab's weights and every detector that is here.

    Nothing is downloaded. The exit status is 2 where something is broken.
    """
    from ..reports.tables import Table, render, render_csv
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
    if form == "json":
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    elif form == "csv":
        click.echo(render_csv(["state", "what", "detail"], rows))
    else:
        table = Table(["state", "what", "detail"], rows)
        click.echo(render(table, "md" if form == "md" else "table"))
    if any(finding.state == "broken" for finding in findings):
        click.get_current_context().exit(2)
