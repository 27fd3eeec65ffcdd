"""``spatialbench doctor``: is this installation able to do what it will be asked to do?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import click

from ..api.console import progress, stdout_reserved
from ..errors import UserError
from ..reports.report import Form
from .findings import Finding, findings_report
from .options import device_option, format_option
from .printing import show


@click.command("doctor")
@click.option(
    "--record-canary",
    is_flag=True,
    help="Also record what every sound detector and judge says of fixed images; later it must say "
    "the same before it is used.",
)
@click.option(
    "--backbone",
    help="Check this backbone alone: are three images the same, made one by one and in a batch?",
)
@click.option("--judge", help="Check this judge alone: weights or server, self-test, twice alike?")
@click.option("--detector", help="Check this detector alone, likewise.")
@click.option("--width", type=click.IntRange(min=1), help="With --backbone: in pixels.")
@click.option("--height", type=click.IntRange(min=1), help="With --backbone: in pixels.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16"]),
    help="With --backbone: number format of the models; default: its own.",
)
@device_option
@format_option
def command(
    record_canary: bool, form: Form, judge: str | None, detector: str | None, **asked: Any
) -> None:
    """Check versions, extras, the cache, the lab's weights, every installed detector and judge.

    Nothing is downloaded. The exit status is 2 where something is broken.
    """
    from .checks import all_checks, backbone_check, model_check

    alone = {"--judge": judge, "--detector": detector, "--backbone": asked["backbone"]}
    chosen = [option for option, value in alone.items() if value is not None]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)} do not go together: check one, then the other.")
    given = [name for name, value in asked.items() if value is not None and name != "backbone"]
    if not chosen and given == ["device"]:
        raise UserError("--device is for one check: add --backbone, --judge or --detector.")
    if asked["backbone"] is None and (others := [name for name in given if name != "device"]):
        raise UserError(f"--{others[0]} is for the check of one backbone: add --backbone.")
    if asked["backbone"] is not None and record_canary:
        raise UserError(
            "--record-canary is for detectors and judges: leave it out, or leave out --backbone."
        )
    checks: Sequence[Callable[[], list[Finding]]] = all_checks(record_canary)
    if asked["backbone"] is not None:
        checks = [partial(backbone_check, **asked)]
    elif judge is not None:
        checks = [partial(model_check, "judge", judge, asked["device"], record_canary)]
    elif detector is not None:
        checks = [partial(model_check, "detector", detector, asked["device"], record_canary)]

    with stdout_reserved():
        shown = progress()
        findings = []
        for check in checks:
            found = check()
            findings += found
            for finding in found:
                if finding.state == "broken":
                    shown.notice(f"broken: {finding.what}: {finding.detail}")
    show(findings_report(findings), form)
    if any(finding.state == "broken" for finding in findings):
        click.get_current_context().exit(2)
