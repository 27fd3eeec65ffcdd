"""``spatialbench power``: how many prompts a question needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..api import choosing
from ..errors import UserError
from ..reports.report import Form
from .options import format_option
from .parsing import FiniteFloat, RunFolder
from .printing import show, signature_option

_MOST_RUNS = 2


@click.command("power")
@click.argument("runs", nargs=-1, type=RunFolder(), metavar="[RUN [RUN2]]")
@click.option("--bench", help="Without RUN: plan for this benchmark's prompts and images.")
@click.option("--prompts", type=click.IntRange(min=1), help="Without RUN: also plan for so many.")
@click.option(
    "--images-per-prompt", type=click.IntRange(min=1), help="Default: the benchmark's, else 4."
)
@click.option(
    "--rate", type=FiniteFloat(0, 100), help="Expected share of right images; default 50."
)
@click.option(
    "--correlation", type=FiniteFloat(0, 1), help="Between images of one prompt; default 0.3."
)
@click.option(
    "--between", type=FiniteFloat(0, 1), help="Correlation of two runs on one prompt; default 0.5."
)
@click.option(
    "--difference",
    type=FiniteFloat(0.001, 100),
    help="Percentage points that a run must be able to show; with RUN default 2.",
)
@click.option(
    "--half-width",
    type=FiniteFloat(0.001, 100),
    help="Without RUN: half the width that an interval may have, as of run --until.",
)
@signature_option
@format_option
def command(
    runs: Sequence[Path],
    bench: str | None,
    prompts: int | None,
    images_per_prompt: int | None,
    rate: float | None,
    correlation: float | None,
    between: float | None,
    difference: float | None,
    half_width: float | None,
    form: Form,
) -> None:
    """Interval widths, smallest differences and prompts needed: from assumptions, or from RUN.

    A finished RUN replaces the assumptions by what it has shown. With RUN2, on the same prompts,
    both say how much they scatter, and together what pairing gains. Without RUN, a stated question
    (--difference, --half-width) also gets the cheapest design.
    """
    if not runs:
        _from_assumptions(
            *(bench, prompts, images_per_prompt, rate, correlation, between, difference),
            *(half_width, form),
        )
        return
    if len(runs) > _MOST_RUNS:
        raise UserError("power takes one run or two: name no more.")
    given = (bench, prompts, images_per_prompt, rate, correlation, between, half_width)
    if any(value is not None for value in given):
        raise UserError("with RUN only --difference can be given: leave the rest out.")
    from ..reports.compare.comparison import compare
    from ..reports.planning import lesson_report, lessons
    from ..reports.scored import is_copy, load_scored, told_apart

    scored = told_apart([load_scored(choosing.existing_run(run)) for run in runs])
    if len(scored) > 1 and is_copy(*scored):
        raise UserError(
            f"{runs[0]} and {runs[1]} hold the same run, which says nothing about a pair: name "
            "another run on the same prompts."
        )
    comparison = compare(scored[0], scored[1:], other_prompts=True)[0] if len(scored) > 1 else None
    wanted = 2.0 if difference is None else difference
    found = lessons(scored[0], comparison, wanted)
    show(lesson_report(scored[0], comparison, found, wanted), form)


def _from_assumptions(
    bench: str | None,
    prompts: int | None,
    images_per_prompt: int | None,
    rate: float | None,
    correlation: float | None,
    between: float | None,
    difference: float | None,
    half_width: float | None,
    form: Form,
) -> None:
    from ..reports.designs import Assumptions, designs, needed
    from ..reports.planning import SIZES, plan, plan_report

    sizes, images, whole = set(SIZES), 4, None
    if bench is not None:
        benchmark, subset = choosing.benchmark_and_subset(bench)
        images, whole = benchmark.images_per_prompt, len(benchmark.prompts(subset))
        sizes = {size for size in sizes if size < whole} | {whole}
    assumed = Assumptions(
        (50.0 if rate is None else rate) / 100,
        images_per_prompt or images,
        0.3 if correlation is None else correlation,
        0.5 if between is None else between,
    )
    sizes |= {prompts} if prompts else set()
    wanted = None
    if difference is not None:
        wanted = (difference, needed(assumed, difference))
        sizes.add(wanted[1])
    plans = [plan(assumed, size) for size in sorted(sizes)]
    found = designs(assumed, difference, half_width, whole)
    show(plan_report(assumed, plans, wanted, found), form)
