"""``spatialbench gallery``: a run to look at, or two side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api import choosing
from ..api.console import progress, say
from ..errors import UserError
from ..files.regular_files import link_refused

if TYPE_CHECKING:
    from ..reports.scored import ScoredRun

_MOST_RUNS = 2


@click.command("gallery")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path), metavar="RUN [RUN2]")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the pages; default: RUN/gallery, or RUN2/gallery-against-ID.",
)
@click.option(
    "--copy",
    is_flag=True,
    help="Put small copies of the images into the folder, so that it can be moved or sent.",
)
@click.option(
    "--no-sweep", is_flag=True, help="Leave out the threshold sweep, which takes longest."
)
def command(runs: Sequence[Path], out: Path | None, copy: bool, no_sweep: bool) -> None:
    """Static pages of a run's images with boxes, verdicts, filters and charts.

    With RUN2 both stand side by side, the images that flipped first. The pages need no server
    and no network: open the file whose path is printed.
    """
    if not 1 <= len(runs) <= _MOST_RUNS:
        raise UserError("a gallery shows one run, or two side by side: name one or two runs.")
    from ..reports.compare.comparison import compare
    from ..reports.gallery.build import build_gallery
    from ..reports.gallery.charts import sweep_of
    from ..reports.gallery.records import Side
    from ..reports.scored import load_scored

    scored = [load_scored(choosing.existing_run(run)) for run in runs]
    comparison = compare(scored[0], scored[1:])[0] if len(scored) > 1 else None
    sides = [Side.of(run) for run in scored]
    folder = out or _default_folder(scored)
    if out is None and folder.is_symlink():
        raise link_refused(folder, folder.parent)
    bar = progress()
    total = len(comparison.pairing.first.index) if comparison else scored[0].result.images
    sweeps = [] if no_sweep else [sweep_of(side) for side in sides]
    bar.begin("gallery", 0, total)
    built = build_gallery(
        folder,
        sides,
        comparison,
        copy=copy,
        advance=bar.advance,
        sweeps=sweeps,
    )
    bar.end()
    say(f"{built.images:,} images; open this file in a browser:")
    click.echo(built.index)


def _default_folder(scored: Sequence[ScoredRun]) -> Path:
    if len(scored) == 1:
        return scored[0].run.path / "gallery"
    return scored[1].run.path / f"gallery-against-{scored[0].run.manifest.id}"
