"""``spatialbench leaderboard``: runs beside each other and beside published rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from ..api.console import say, say_next
from ..errors import UserError
from ..reports.report import FOR_PEOPLE, Form
from .options import format_option, label_option
from .parsing import RunFolder
from .printing import by_option, show, signature_option, table_options, view


@click.command("leaderboard")
@click.argument("runs", nargs=-1, type=RunFolder(), metavar="[RUN]...")
@click.option("--bench", help="The benchmark; default: that of the runs.")
@click.option(
    "--published",
    multiple=True,
    metavar="NAME|GLOB|none",
    help="Which results of papers to show, by method, base or source; default: all.",
)
@click.option("--no-published", is_flag=True, help="The same as --published none.")
@click.option(
    "--price",
    is_flag=True,
    help="Also show what accuracy costs: detector confidence, duplicates per image, seconds per "
    "image. --format json always has them.",
)
@click.option(
    "--quality",
    is_flag=True,
    help="Also show what 'spatialbench quality' measured: FID, KID, CMMD, similarity, and "
    "duplicates.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, dir_okay=False),
    help="More published rows, from a JSON file; rows that contradict themselves are refused.",
)
@label_option
@by_option
@signature_option
@table_options
@format_option
def command(
    runs: Sequence[Path],
    bench: str | None,
    published: Sequence[str],
    no_published: bool,
    price: bool,
    quality: bool,
    figures: Path | None,
    labels: Sequence[str],
    form: Form,
) -> None:
    """Runs beside each other and beside published rows, with intervals and signatures.

    RUN is a run directory or any folder above some, such as runs/visor. Rows of the lab stand in a
    table of their own.
    """
    from ..api.ranking import leaderboard
    from ..runs.following import after_ranking

    if no_published and published:
        raise UserError("--no-published and --published do not go together: leave one of them out.")
    asked = view()
    report = leaderboard(
        runs,
        bench,
        published=["none"] if no_published else published or True,
        only=asked.rows,
        columns=asked.columns,
        sort=asked.sort,
        groups=asked.groups,
        figures=figures,
        price=price,
        quality=quality,
        labels=labels,
        notice=say,
    )
    show(report, form, replace(asked, rows=(), sort=None))
    if form in FOR_PEOPLE:
        say_next(*after_ranking(runs))
