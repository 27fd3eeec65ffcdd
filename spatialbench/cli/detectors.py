"""``spatialbench detectors agree``: an older name of ``spatialbench agree``."""

from __future__ import annotations

from pathlib import Path

import click

from ..reports.report import Form
from .agreeing import command as agree
from .options import format_option, rule_options
from .parsing import RunFolder


@click.group("detectors")
def command() -> None:
    """What detectors make of the same images; 'spatialbench agree' does more."""


@command.command("agree")
@click.argument("run", type=RunFolder())
@click.argument("a")
@click.argument("b")
@rule_options
@format_option
@click.pass_context
def older(
    context: click.Context,
    run: Path,
    a: str,
    b: str,
    rule: str | None,
    threshold: float | None,
    form: Form,
) -> None:
    """The same as 'spatialbench agree RUN --between A B'."""
    rules = () if rule is None else (rule,)
    context.invoke(agree, run=run, between=(a, b), rules=rules, threshold=threshold, form=form)
