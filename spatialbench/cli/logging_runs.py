"""``spatialbench log``: runs in a tracker of experiments."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import stdout_reserved
from ..api.publishing import TRACKERS, log
from .parsing import RunFolder


@click.command("log")
@click.argument("runs", nargs=-1, required=True, type=RunFolder())
@click.option(
    "--to", required=True, type=click.Choice(TRACKERS), help="The tracker, an extra of that name."
)
@click.option(
    "--project", help="In mlflow an experiment; default: the tracker's setting, else the benchmark."
)
@click.option(
    "--images",
    type=click.IntRange(min=0),
    default=16,
    show_default=True,
    help="Sample images of each run, right and wrong ones in turn.",
)
def command(runs: tuple[Path, ...], to: str, project: str | None, images: int) -> None:
    """Log scored RUNS: metrics with intervals, settings, signature, table and sample images.

    Each run is there once, under its id: the same command again changes nothing, and a run that
    was scored again is brought up to date. Offline modes and addresses are the tracker's own:
    WANDB_MODE, MLFLOW_TRACKING_URI, TRACKIO_DIR.
    """
    from ..reports.scored import load_scored

    # All are read before any is written.
    scored = [load_scored(choosing.existing_run(run)) for run in runs]
    for one in scored:
        with stdout_reserved():
            where = log(one, to, project=project, images=images)
        click.echo(where)
