"""``spatialbench gallery``: a run to look at, or two side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say
from ..files.shown_text import counted
from .options import charts_option, copy_option
from .parsing import Place, RunFolder


@click.command("gallery")
@click.argument("runs", nargs=-1, type=RunFolder(), metavar="RUN [RUN2]")
@click.option(
    "--out",
    type=Place(file_okay=False),
    help="Folder of the pages; default: RUN/gallery, or RUN2/gallery-against-ID.",
)
@copy_option
@charts_option
@click.option(
    "--no-sweep", is_flag=True, help="Leave out the threshold sweep, which takes longest."
)
@click.option("--open", "opened", is_flag=True, help="Show them in the browser.")
def command(
    runs: Sequence[Path],
    out: Path | None,
    copy: bool,
    no_sweep: bool,
    figures: Sequence[str],
    opened: bool,
) -> None:
    """Static pages of a run's images with boxes, verdicts, filters and charts.

    With RUN2 both stand side by side, the images that flipped first. The pages need no server
    and no network: open the file whose path is printed.
    """
    from ..api.output import write_gallery
    from ..reports.scored import load_scored

    sides = [load_scored(choosing.existing_run(run)) for run in runs]
    built = write_gallery(sides, out, progress(), copy=copy, sweep=not no_sweep, figures=figures)
    shown = opened and _shown(built.index)
    if opened and not shown:
        say("no browser could be started")
    where = "this file is" if shown else "open this file"
    say(f"{counted(built.images, 'image')}; {where} in a browser:")
    click.echo(built.index)


def _shown(page: Path) -> bool:
    """Whether the browser of this machine took a page."""
    import webbrowser

    return webbrowser.open(page.resolve().as_uri())
