"""``spatialbench export``: a run where another tool looks for it."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..api.output import write_layout
from ..files.shown_text import counted
from ..plugins.layout import DETECTIONS, ONE_FILE, ONLY_WRITTEN
from .importing import LayoutName
from .parsing import Place, RunFolder


@click.command("export")
@click.argument("run", type=RunFolder())
@click.option(
    "--layout",
    required=True,
    type=LayoutName((*ONE_FILE, *ONLY_WRITTEN)),
    help="Images as a benchmark's scripts expect them ('list layouts'), detections as JSON Lines, "
    "results in the benchmark's own format, hub for a data set of the Hugging Face Hub, or "
    "every-eval-ever for a record of that form.",
)
@click.option(
    "--out",
    required=True,
    type=Place(),
    help="A new folder; with detections the file to write; with every-eval-ever a folder of such "
    "records, or a file.",
)
@click.option(
    "--detector", help="With detections: whose, where the run has those of several detectors."
)
@click.option(
    "--repo",
    metavar="ORG/NAME",
    help="With hub: the data set that it will be, which the card and the results link to.",
)
def command(run: Path, layout: str, out: Path, detector: str | None, repo: str | None) -> None:
    """Write RUN where another tool looks for it.

    'import' reads it back, but for hub and every-eval-ever. 'push' uploads what hub writes.
    """
    opened = choosing.existing_run(run)
    with stdout_reserved():
        written = write_layout(opened, layout, out, detector, progress(), repo)
    expected = opened.expected.images
    if isinstance(written, list):
        for path in written:
            say(f"wrote {path}")
    elif layout == DETECTIONS:
        say(f"{counted(written, 'image')}")
    elif written < expected:
        say(f"PARTIAL: {written:,} of {expected:,} expected images")
    click.echo(out)
