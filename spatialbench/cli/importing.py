"""``spatialbench import``: other people's images, detections or results as a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..api import choosing
from ..api.bringing import UNRECORDED, Shown, bring_file, bring_images
from ..api.console import progress, say, say_next, stdout_reserved
from ..api.looking import Judged
from ..errors import UserError, typed, unknown_name
from ..plugins.layout import DETECTIONS, ONE_FILE, RESULTS
from ..reports.report import FOR_PEOPLE, Form
from ..weights.devices import chosen_device
from .assembly import command_line
from .options import (
    batch_size_option,
    depth_option,
    detector_options,
    device_option,
    format_option,
    offline_option,
    only_option,
    rule_options,
)
from .parsing import Place, Utf8
from .printing import by_option, show, signature_option
from .working import refuse_given_up

if TYPE_CHECKING:
    from ..exchange.target import Target
    from ..runs.opening import Run
    from ..scoring.summary import Summary


class LayoutName(click.ParamType[str, str]):
    """A layout of images that a benchmark brings, ``flat+csv``, or a file of records."""

    name = "layout"

    def __init__(self, others: Sequence[str] = ONE_FILE) -> None:
        self.others = others

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        from ..exchange.layouts import layouts

        known = [*layouts(), *self.others]
        if value not in known:
            raise unknown_name("layout", value, known)
        return value


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--layout",
    type=LayoutName(),
    help="How the files are named, see 'list layouts'; detections and results take one file "
    "instead of a folder. Default: found out by the names.",
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
@only_option("Expect only these tasks, relations or prompt ids, comma-separated.")
@click.option("--images-per-prompt", type=int, help="Default: the benchmark's own number.")
@click.option(
    "--seed-scheme",
    default="unknown",
    show_default=True,
    help="Where it is known: protocol or hashed[:BASE], as in 'run'.",
)
@click.option(
    "--prompt-transform",
    metavar="none|unrecorded|NAME|file:PATH",
    help="What the prompts were before the images were made, as in 'run'; none: as they stand; "
    f"{UNRECORDED}: rewritten, nobody knows how. Default: what the files say.",
)
@click.option(
    "--detector-name", type=Utf8(), help="With detections: who made them; default: external."
)
@click.option("--allow-partial", is_flag=True, help="Import what matches and mark the run partial.")
@click.option("--dry-run", is_flag=True, help="Only print the report; write nothing.")
@click.option("--detect", is_flag=True, help="Then look at the images, as 'detect' does.")
@click.option("--score", is_flag=True, help="Then look at them, judge them, and print the table.")
@click.option(
    "--pack", is_flag=True, help="Put the images into few large tar files, as 'run --pack'."
)
@detector_options
@depth_option
@rule_options
@batch_size_option
@device_option
@offline_option
@click.option(
    "--out",
    type=Place(file_okay=False),
    help="The run's folder; default: one of its own under runs/.",
)
@by_option
@signature_option
@format_option
def command(
    path: Path,
    layout: str | None,
    bench: str,
    name: str,
    backbone: str,
    limit: int | None,
    only: str | None,
    images_per_prompt: int | None,
    seed_scheme: str,
    prompt_transform: str | None,
    detector_name: str | None,
    allow_partial: bool,
    dry_run: bool,
    detect: bool,
    score: bool,
    pack: bool,
    out: Path | None,
    form: Form,
    **values: Any,
) -> None:
    """Make a run of PATH: a folder or archive of images, a list of them, or a file of detections
    or results.

    Files that are missing, extra, duplicate, unreadable or wrongly named are listed, and nothing
    is imported (exit status 2) unless --allow-partial is given. 'detect' and 'score' go on from
    there, or --detect and --score here.
    """
    from ..exchange.opened import file_kind
    from ..exchange.target import Target
    from ..runs.seeds import SeedScheme
    from ..runs.selection import Selection

    benchmark, subset = choosing.benchmark_and_subset(bench)
    selection = Selection(limit, Selection.parse_only(only), images_per_prompt)
    seeds = SeedScheme.parse(seed_scheme)
    target = Target(benchmark, subset, selection, seeds, allow_partial, out, command_line(), pack)
    if layout is None and (layout := file_kind(path, benchmark, subset)) is not None:
        say(f"layout: {layout}, by what the file holds")
    if layout not in (None, *ONE_FILE) and path.suffix.lower() in (".json", ".jsonl"):
        kind = file_kind(path, benchmark, subset)
        if kind is not None:
            raise UserError(
                f"{path} is no folder, archive or list of images, which --layout {layout} is for: "
                f"give --layout {kind}, or leave --layout out."
            )
    if pack and layout in ONE_FILE:
        raise UserError(f"--pack is for images, and {layout} has none: leave it out.")
    if detector_name and layout != DETECTIONS:
        raise UserError("--detector-name goes with --layout detections: leave it out.")
    _refuse_unused(layout, detect, score, dry_run, values)
    how: dict[str, Any] = {
        "backbone": backbone,
        "layout": layout,
        "prompt_transform": prompt_transform,
    }

    def shown(told: Shown) -> None:
        from ..exchange.matching_report import matching_report

        report = matching_report(told.matching, told.expected, told.layout, told.advice)
        if told.matching.clean and score and form not in FOR_PEOPLE:
            return  # Stdout holds one document.
        show(report, form)

    if layout in ONE_FILE:
        run = bring_file(
            path,
            target,
            name,
            detector=detector_name,
            notice=say,
            shown=shown if dry_run else lambda told: None,
            dry_run=dry_run,
            **how,
        )
        assert layout is not None
        _end_of_file(run, layout, target, score, values, form)
        return
    looking = _looking(target, score, values) if (detect or score) and not dry_run else None
    brought = bring_images(
        path,
        target,
        name,
        progress=progress(),
        shown=shown,
        dry_run=dry_run,
        before=looking.check if looking else lambda *told: None,
        **how,
    )
    if brought is None:
        return
    if looking is None:
        say(f"imported; next: {typed('detect', brought.path)}")
        click.echo(brought.path, err=form not in FOR_PEOPLE)
        return
    with stdout_reserved():
        summary = looking.done(replace(brought, alone=None))
    _show(brought, summary, form)
    refuse_given_up(brought)


def _refuse_unused(
    layout: str | None, detect: bool, score: bool, dry_run: bool, values: dict[str, Any]
) -> None:
    """Refuse options that would do nothing. Raises UserError."""
    if layout == RESULTS and (detect or score):
        raise UserError(
            "official results are judged already: leave out --detect and --score; 'leaderboard' "
            "shows them."
        )
    if layout == DETECTIONS and detect:
        raise UserError("detections need no --detect: leave it out, or give --score.")
    if layout == DETECTIONS and dry_run:
        raise UserError(
            "--dry-run is for images and official results: leave it out for a file of detections."
        )
    given = [f"--{key.replace('_', '-')}" for key, value in values.items() if value]
    if given and not (detect or score):
        raise UserError(
            f"{given[0]} goes with --detect or --score: add one of them, or leave it out."
        )


def _looking(target: Target, score: bool, values: dict[str, Any]) -> Judged:
    judging = choosing.judging(target.benchmark, values["rule"], values["threshold"], target.subset)
    return Judged(
        judging,
        values["detector"],
        values["judge"],
        score,
        chosen_device(values["device"]),
        progress(),
        values["offline"],
        values["batch_size"],
        known_names_only=values["known_names_only"],
        synonyms=values["synonyms"],
        depth=values["depth"],
    )


def _end_of_file(
    run: Run | None, layout: str, target: Target, score: bool, values: dict[str, Any], form: Form
) -> None:
    """What is printed of an imported file, and its judgement where that was asked for."""
    if run is None:
        return
    if not score:
        say(f"next: {typed('score' if layout == DETECTIONS else 'leaderboard', run.path)}")
        click.echo(run.path)
        return
    from ..scoring.score import score as judged

    with stdout_reserved():
        judging = choosing.judging(
            target.benchmark, values["rule"], values["threshold"], target.subset
        )
        summary = judged(replace(run, alone=None), progress(), judging)
    _show(run, summary, form)


def _show(run: Run, summary: Summary | None, form: Form) -> None:
    if summary is None:
        say(f"next: {typed('score', run.path)}")
        click.echo(run.path, err=form not in FOR_PEOPLE)
        return
    from ..reports.single import summary_report
    from ..runs.following import after_scoring

    say(f"run: {run.path}")
    if form in FOR_PEOPLE:
        click.echo()
    show(summary_report(summary, run.expected.benchmark), form)
    if form in FOR_PEOPLE:
        say_next(*after_scoring(run))
