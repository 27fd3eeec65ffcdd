"""``spatialbench export``: a run in a benchmark's own layout, for its own scripts."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..api.output import write_layout
from ..plugins.layout import DETECTIONS
from .importing import LayoutName


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    required=True,
    type=LayoutName(),
    help="Images as a benchmark's scripts expect them ('list layouts'), detections as JSON Lines, "
    "or results in the benchmark's own format.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder; with detections the file to write.",
)
@click.option(
    "--detector", help="With detections: whose, where the run has those of several detectors."
)
def command(run: Path, layout: str, out: Path, detector: str | None) -> None:
    """Write RUN where another tool looks for it; 'import' reads all of it back."""
    opened = choosing.existing_run(run)
    with stdout_reserved():
        written = write_layout(opened, layout, out, detector, progress())
    expected = opened.expected.images
    if isinstance(written, list):
        for path in written:
            say(f"wrote {path}")
    elif layout == DETECTIONS:
        say(f"{written:,} images")
    elif written < expected:
        say(f"PARTIAL: {written:,} of {expected:,} expected images")
    click.echo(out)
