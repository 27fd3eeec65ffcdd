"""``spatialbench export``: a run in a benchmark's own layout, for its own scripts."""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..errors import UserError
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
    from ..exchange.write_images import export_images
    from ..exchange.write_results import export_detections, export_results
    from ..runs.chosen_detector import chosen_detector

    opened = choosing.existing_run(run)
    if detector and layout != "detections":
        raise UserError("--detector goes with --layout detections: leave it out.")
    if layout == "detections":
        written = export_detections(opened, chosen_detector(opened, detector), out)
        say(f"{written:,} images")
    elif layout == "results":
        for path in export_results(opened, out):
            say(f"wrote {path}")
    else:
        with stdout_reserved():
            written = export_images(opened, layout, out, progress())
        if written < opened.expected.images:
            say(f"PARTIAL: {written:,} of {opened.expected.images:,} expected images")
    click.echo(out)
