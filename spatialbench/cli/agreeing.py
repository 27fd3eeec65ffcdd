"""``spatialbench agree``: would another detector, or a judge, have said the same?"""

from __future__ import annotations

from pathlib import Path

import click

from ..api import choosing
from ..api.console import progress, say, stdout_reserved
from ..files.shown_text import counted
from ..reports.report import Form
from .options import confidence_option, format_option, resamples_option, threshold_option
from .parsing import Place, RunFolder
from .printing import show


@click.command("agree")
@click.argument("run", type=RunFolder())
@click.option(
    "--between",
    nargs=2,
    required=True,
    metavar="A B",
    help="Each a detector or a judge that looked at RUN, by name or signature; or a file of "
    "detections or of official results for the same images.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    help="The rule for both, or given twice: A's, then B's; default: the subset's own.",
)
@threshold_option
@click.option(
    "--common-only",
    is_flag=True,
    help="Leave out images that only one of them judged; the table says how many.",
)
@click.option(
    "--flips",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How many of the images on which they differ to list.",
)
@confidence_option
@resamples_option
@click.option(
    "--gallery",
    type=Place(file_okay=False),
    help="Write pages of the images into this folder, those on which they differ first.",
)
@click.option("--copy", is_flag=True, help="With --gallery: put small copies of the images there.")
@format_option
def command(
    run: Path,
    between: tuple[str, str],
    rules: tuple[str, ...],
    threshold: float | None,
    common_only: bool,
    flips: int,
    confidence: float,
    resamples: int,
    gallery: Path | None,
    copy: bool,
    form: Form,
) -> None:
    """How often the verdicts of A and B on RUN's images agree: rate, Cohen's kappa, by relation.

    Both come with intervals over the benchmark's clusters of prompts. Nothing is written into RUN.
    """
    from ..api.agreeing import agree, write_agreement_gallery
    from ..errors import UserError
    from ..reports.agreement import agreement_report

    if copy and gallery is None:
        raise UserError("--copy is for pages: give --gallery FOLDER too, or leave it out.")
    with stdout_reserved():
        found = agree(
            choosing.existing_run(run),
            between,
            progress(),
            rules=rules,
            threshold=threshold,
            resamples=resamples,
            confidence=confidence,
            common_only=common_only,
        )
        if gallery is not None:
            built = write_agreement_gallery(found, gallery, progress(), copy=copy)
            say(f"{counted(built.images, 'image')}; open this file in a browser: {built.index}")
    show(agreement_report(found, flips), form)
