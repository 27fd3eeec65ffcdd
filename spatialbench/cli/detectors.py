"""``spatialbench detectors agree``: would another detector have judged the same?"""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, stdout_reserved
from ..reports.report import Form
from .options import format_option, rule_options


@click.group("detectors")
def command() -> None:
    """What detectors make of the same images."""


@command.command("agree")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("a")
@click.argument("b")
@rule_options
@format_option
def agree(run: Path, a: str, b: str, rule: str | None, threshold: float | None, form: Form) -> None:
    """How often the verdicts of detectors A and B on RUN agree: rate, Cohen's kappa, by relation.

    A and B are detectors that have looked at the run, by name or by signature.
    """
    from ..reports.agreement import agreement, agreement_report
    from ..runs.chosen_detector import chosen_detector

    with stdout_reserved():
        opened = choosing.existing_run(run)
        expected = opened.expected
        judging = choosing.judging(expected.benchmark, rule, threshold, expected.subset)
        pair = (chosen_detector(opened, a), chosen_detector(opened, b))
        found = agreement(opened, pair, judging, progress())
    click.echo(agreement_report(found, pair, judging).text(form))
