"""``spatialbench import``: other people's images, detections or results as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api import choosing
from ..api.console import progress, say
from ..api.elsewhere import bring_file, bring_images
from ..errors import UserError, typed, unknown_name
from ..plugins.layout import DETECTIONS, ONE_FILE
from ..reports.report import FOR_PEOPLE, Form
from .assembly import command_line
from .options import format_option
from .parsing import Utf8

if TYPE_CHECKING:
    from ..exchange.matching import Matching


class LayoutName(click.ParamType[str, str]):
    """A layout of images that a benchmark brings, ``flat+csv``, or a file of records."""

    name = "layout"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        from ..exchange.layouts import layouts

        known = [*layouts(), *ONE_FILE]
        if value not in known:
            raise unknown_name("layout", value, known)
        return value


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    required=True,
    type=LayoutName(),
    help="How the files are named, see 'list layouts'; detections and results take one file "
    "instead of a folder.",
)
@click.option("--bench", required=True, help="The benchmark, as NAME or NAME:subset.")
@click.option("--name", type=Utf8(), required=True, help="The method's name in tables.")
@click.option(
    "--backbone",
    type=Utf8(),
    default="unknown",
    show_default=True,
    help="The model that made the images.",
)
@click.option("--limit", type=int, help="Expect only the first N prompts, as 'run --limit N'.")
@click.option("--only", help="Expect only these tasks, relations or prompt ids.")
@click.option("--images-per-prompt", type=int, help="Default: the benchmark's own number.")
@click.option(
    "--seed-scheme",
    default="unknown",
    show_default=True,
    help="Where it is known: protocol or hashed[:BASE], as in 'run'.",
)
@click.option(
    "--detector-name", type=Utf8(), help="With detections: who made them; default: external."
)
@click.option("--allow-partial", is_flag=True, help="Import what matches and mark the run partial.")
@click.option("--dry-run", is_flag=True, help="Only print the report; write nothing.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The run's folder; default: one of its own under runs/.",
)
@format_option
def command(
    path: Path,
    layout: str,
    bench: str,
    name: str,
    backbone: str,
    limit: int | None,
    only: str | None,
    images_per_prompt: int | None,
    seed_scheme: str,
    detector_name: str | None,
    allow_partial: bool,
    dry_run: bool,
    out: Path | None,
    form: Form,
) -> None:
    """Make a run of PATH: a folder or archive of images, or a file of detections or results.

    Files that are missing, extra, duplicate, unreadable or wrongly named are listed, and nothing
    is imported (exit status 2) unless --allow-partial is given. 'detect' and 'score' go on from
    there.
    """
    from ..exchange.matching_report import matching_report
    from ..exchange.target import Target
    from ..runs.seeds import SeedScheme
    from ..runs.selection import Selection

    benchmark, subset = choosing.benchmark_and_subset(bench)
    selection = Selection(limit, Selection.parse_only(only), images_per_prompt)
    seeds = SeedScheme.parse(seed_scheme)
    target = Target(benchmark, subset, selection, seeds, allow_partial, out, command_line())
    if detector_name and layout != DETECTIONS:
        raise UserError("--detector-name goes with --layout detections: leave it out.")
    if layout in ONE_FILE:
        if dry_run:
            raise UserError("--dry-run is for folders of images: leave it out for a single file.")
        run = bring_file(
            path,
            target,
            name,
            backbone=backbone,
            layout=layout,
            detector=detector_name,
            notice=say,
        )
        say(f"next: {typed('score' if layout == DETECTIONS else 'leaderboard', run.path)}")
        click.echo(run.path)
        return

    def shown(matching: Matching, expected: int) -> None:
        click.echo(matching_report(matching, expected).text(form))

    brought = bring_images(
        path,
        target,
        name,
        backbone=backbone,
        layout=layout,
        progress=progress(),
        shown=shown,
        dry_run=dry_run,
    )
    if brought is not None:
        say(f"imported; next: {typed('detect', brought.path)}")
        click.echo(brought.path, err=form not in FOR_PEOPLE)
