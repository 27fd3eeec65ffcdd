"""``spatialbench compare``: is the difference between runs more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..api.console import say_next
from ..errors import UserError
from ..reports.report import FOR_PEOPLE, Form
from .options import confidence_option, format_option, label_option, resamples_option
from .parsing import RunFolder
from .printing import by_option, show, signature_option, table_options


@click.command("compare")
@click.argument("runs", nargs=-1, type=RunFolder(), metavar="REFERENCE RUN...")
@click.option(
    "--flips",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many of the images that became right or wrong to list.",
)
@confidence_option
@resamples_option
@click.option(
    "--allow-other-prompts",
    is_flag=True,
    help="Compare runs whose prompts were rewritten differently, or in one of them only.",
)
@click.option(
    "--sequential",
    is_flag=True,
    help="Look after each fifth of REFERENCE's prompts and stop where the answer is known; RUN may "
    "have fewer of them so far.",
)
@click.option(
    "--metric",
    help="With --sequential: the metric that decides; default: the share of right images.",
)
@label_option
@by_option
@signature_option
@table_options
@format_option
def command(
    runs: Sequence[Path],
    flips: int,
    confidence: float,
    resamples: int,
    allow_other_prompts: bool,
    sequential: bool,
    metric: str | None,
    labels: Sequence[str],
    form: Form,
) -> None:
    """Compare scored runs with the first one, image by image.

    Differences come with paired intervals and p-values over the benchmark's clusters of prompts,
    corrected where several runs are compared, and with what this many prompts can show at all.
    """
    from ..api.comparing import compare, compare_in_looks
    from ..reports.compare.report import comparison_report
    from ..reports.naming import label_assignments

    if sequential:
        if allow_other_prompts:
            raise UserError("--sequential needs the same prompts: leave out --allow-other-prompts.")
        named = label_assignments(labels, runs)
        looked = compare_in_looks(*runs, metric=metric, confidence=confidence, labels=named)
        show(looked.report(), form)
        _say_next(runs, form)
        return
    if metric is not None:
        raise UserError("--metric goes with --sequential: without it every metric is compared.")
    found = compare(
        *runs,
        resamples=resamples,
        confidence=confidence,
        other_prompts=allow_other_prompts,
        labels=label_assignments(labels, runs),
    )
    show(comparison_report(found.pairs, flips, found.confidence), form)
    _say_next(runs, form)


def _say_next(runs: Sequence[Path], form: Form) -> None:
    from ..runs.following import after_comparing

    if form in FOR_PEOPLE:
        say_next(*after_comparing(runs))
