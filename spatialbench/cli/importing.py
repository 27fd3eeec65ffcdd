"""``spatialbench import``: other people's images, detections or results as a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..errors import UserError, typed, unknown_name
from ..reports.report import FOR_PEOPLE, Form
from .assembly import command_line
from .options import format_option
from .parsing import Utf8

if TYPE_CHECKING:
    from ..exchange.target import Target

OTHERS = ("detections", "results")


class LayoutName(click.ParamType[str, str]):
    """A layout of images that a benchmark brings, ``flat+csv``, or a file of records."""

    name = "layout"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        from ..exchange.layouts import layouts

        known = [*layouts(), *OTHERS]
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
@click.option("--name", type=Utf8(), required=True, help="What to call the method in tables.")
@click.option(
    "--backbone",
    type=Utf8(),
    default="unknown",
    show_default=True,
    help="What it was made with.",
)
@click.option("--limit", type=int, help="Expect only the first N prompts, as 'run --limit N'.")
@click.option("--only", help="Expect only these tasks, relations or prompt ids.")
@click.option("--images-per-prompt", type=int, help="Default: the benchmark's own number.")
@click.option(
    "--seed-scheme",
    default="unknown",
    show_default=True,
    help="If you know: protocol or hashed[:BASE], as in 'run'.",
)
@click.option(
    "--detector-name", type=Utf8(), help="With detections: who made them; default: external."
)
@click.option("--allow-partial", is_flag=True, help="Import what matches and mark the run partial.")
@click.option("--dry-run", is_flag=True, help="Only print the report; write nothing.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Put the run there.")
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
) -> int:
    """Make a run of PATH: a folder or archive of images, or a file of detections or results.

    Files that are missing, extra, duplicate, unreadable or wrongly named are listed, and nothing
    is imported (exit status 2) unless --allow-partial is given. 'detect' and 'score' go on from
    there.
    """
    from ..exchange.target import Target
    from ..runs.seeds import SeedScheme
    from ..runs.selection import Selection

    benchmark, subset = choosing.benchmark_and_subset(bench)
    selection = Selection(limit, Selection.parse_only(only), images_per_prompt)
    seeds = SeedScheme.parse(seed_scheme)
    typed = command_line()
    target = Target(benchmark, subset, selection, seeds, allow_partial, out, typed)
    if detector_name and layout != "detections":
        raise UserError("--detector-name goes with --layout detections: leave it out.")
    if layout not in OTHERS:
        return _images(path, layout, target, name, backbone, dry_run, form)
    if dry_run:
        raise UserError("--dry-run is for folders of images: leave it out for a single file.")
    return _file(path, layout, target, name, backbone, detector_name)


def _images(
    path: Path, layout: str, target: Target, name: str, backbone: str, dry_run: bool, form: Form
) -> int:
    from ..exchange.layouts import names_of, place, rewritten_prompts
    from ..exchange.matching import match
    from ..exchange.matching_report import matching_report
    from ..exchange.read_images import import_images
    from ..exchange.sources import open_source
    from ..runs.expected import expect
    from ..runs.imported import Imported

    source = open_source(path)
    expected = expect(target.benchmark, target.subset, target.selection, target.seeds)
    names = names_of(expected)
    placed = place(layout, source, names)
    bar = progress()
    bar.begin("check", 0, sum(isinstance(where, tuple) for where in placed.values()))
    report = match(source, placed, expected, bar.advance)
    used = [match.name for match in report.matched.values()]
    report.rewritten = rewritten_prompts(source, names, used)
    bar.end()
    click.echo(matching_report(report, expected.images).text(form))
    if not report.clean and not target.allow_partial:
        say(
            f"error: {len(report.matched):,} of {expected.images:,} expected images match, and "
            "nothing was imported: mend what the report lists, or give --allow-partial to import "
            "what matches."
        )
        return 2
    if dry_run:
        return 0
    with stdout_reserved():
        method = Imported(name, backbone, layout, report.content, report.rewritten)
        run = import_images(source, report, target, method, bar)
    say(f"imported; next: {typed('detect', run.path)}")
    click.echo(run.path, err=form not in FOR_PEOPLE)
    return 0


def _file(
    path: Path, layout: str, target: Target, name: str, backbone: str, detector: str | None
) -> int:
    from ..exchange.read_results import EXTERNAL, content_of, import_detections, import_verdicts
    from ..runs.imported import Imported, rewritten_note

    rewritten = target.benchmark.rewritten_prompts(path) if layout == "results" else 0
    method = Imported(name, backbone, layout, content_of(path), rewritten)
    if rewritten:
        say(rewritten_note(rewritten))
    if layout == "detections":
        run, found = import_detections(path, target, method, detector or EXTERNAL)
        say(f"{found:,} of {run.expected.images:,} images; next: {typed('score', run.path)}")
    else:
        run, left_out = import_verdicts(path, target, method)
        if left_out:
            say(f"{left_out:,} verdicts are of images that are not expected, and were left out")
        say(f"imported; next: {typed('leaderboard', run.path)}")
    click.echo(run.path)
    return 0
