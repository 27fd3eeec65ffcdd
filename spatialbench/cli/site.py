"""``spatialbench site``: static pages of any number of runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..api.console import progress, say
from ..files.shown_text import counted
from .options import charts_option, copy_option, label_option
from .parsing import Place, RunFolder, Utf8


@click.command("site")
@click.argument("runs", nargs=-1, type=RunFolder(), metavar="RUN...")
@click.option(
    "--out",
    required=True,
    type=Place(file_okay=False),
    help="Folder of the pages: new, empty, or an older site, which is replaced.",
)
@click.option("--title", type=Utf8(), default="spatialbench results", show_default=True)
@click.option(
    "--reference",
    type=RunFolder(),
    metavar="RUN",
    help="What the other runs of its table are set beside; default: in each table the run with "
    "most images among those whose method leaves its backbone as it is, else the first one.",
)
@click.option(
    "--recipe",
    "recipes",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="What 'reproduce --format json' printed: a page of published beside measured values. Give "
    "--recipe again for more.",
)
@click.option(
    "--published/--no-published",
    default=True,
    show_default=True,
    help="Whether rows of papers stand beside full-size models.",
)
@copy_option
@charts_option
@click.option(
    "--no-sweep", is_flag=True, help="Leave out the threshold sweeps, which take longest."
)
@label_option
def command(
    runs: Sequence[Path],
    out: Path,
    title: str,
    reference: Path | None,
    recipes: Sequence[Path],
    published: bool,
    copy: bool,
    figures: Sequence[str],
    no_sweep: bool,
    labels: Sequence[str],
) -> None:
    """Static pages of runs: tables to sort and filter, forest plots, a page per run, pages of two.

    RUN is a run directory or any folder above some, such as runs. The pages need no server and no
    network: open the file whose path is printed, or put the folder on any web server.
    """
    from ..reports.gallery.build import Wishes
    from ..site.build import build_site
    from ..site.writing import SiteWishes

    wishes = SiteWishes(
        *(title, labels, reference, published, not no_sweep, recipes),
        pages=Wishes(copy, tuple(figures)),
    )
    built = build_site(runs, out, wishes, progress())
    for run, why in built.without.items():
        say(f"without a page: {run}: {why}")
    say(
        f"{counted(built.runs, 'run')} and {counted(built.comparisons, 'comparison')}; open this "
        "file in a browser:"
    )
    click.echo(built.index)
