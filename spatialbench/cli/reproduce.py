"""``spatialbench reproduce``: a table of a paper made again, beside what the paper prints."""

from __future__ import annotations

from typing import Any

import click

from ..api.console import progress, say, say_next, stdout_reserved
from ..errors import UserError
from ..reports.report import FOR_PEOPLE, Form, Report
from ..weights.devices import named_device
from .assembly import command_line, kernels_of
from .consent import ask_before_long_work, yes_option
from .making import (
    auto_batch_size_option,
    kernel_options,
    overlap_option,
    pack_option,
    retry_refused_option,
)
from .options import device_option, format_option, offline_option
from .parsing import FiniteFloat, Place
from .printing import show
from .working import (
    WorkingOptions,
    refuse_given_up,
    say_shard_done,
    working_of,
    working_options,
)


@click.command("reproduce")
@click.argument("recipe", required=False, metavar="[PAPER/TABLE | FILE]")
@click.option("--list", "listing", is_flag=True, help="The recipes that are shipped.")
@click.option(
    "--dry-run", is_flag=True, help="Print hours, disk and price per row; load and write nothing."
)
@click.option(
    "--price-per-hour",
    type=FiniteFloat(0),
    help="With --dry-run: the price of one worker for an hour, in any currency.",
)
@click.option(
    "--backbone",
    help="Make every row with this model instead of the paper's, such as lab: it tests the "
    "paper's claims, which row beats which, and not its values.",
)
@click.option(
    "--rows",
    multiple=True,
    metavar="PATTERN",
    help="Only rows whose names match, such as 'Ours*'; all but those behind '!', as in '!Ours*'. "
    "Give --rows again for more.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="At most so many prompts per row, as of run."
)
@click.option(
    "--images-per-prompt", type=click.IntRange(min=1), help="Of every row; default: the recipe's."
)
@click.option(
    "--margin",
    type=FiniteFloat(0.01, 100),
    help="Percentage points within which a value agrees; default: the recipe's, mostly 3.",
)
@click.option(
    "--out",
    type=Place(file_okay=False),
    help="A folder for the runs, which lie in it as they do under runs/ otherwise.",
)
@auto_batch_size_option
@device_option
@kernel_options
@pack_option
@retry_refused_option
@offline_option
@working_options
@overlap_option
@yes_option
@format_option
def command(
    recipe: str | None,
    listing: bool,
    dry_run: bool,
    price_per_hour: float | None,
    yes: bool,
    form: Form,
    **values: Any,
) -> None:
    """Make a table of a paper again, and hold it to what the paper prints.

    The same command again continues where the last one stopped. Every row is checked before the
    first image is made, and is the run that 'spatialbench run' makes with the same options.
    'docs/recipes.md' describes the file, and what the verdicts mean.
    """
    working = working_of(values)
    values["kernels"] = kernels_of(values)
    if listing:
        from ..recipes.listing import list_report

        if recipe is not None:
            raise UserError("--list shows all recipes: leave the recipe out.")
        show(list_report(), form)
        return
    if recipe is None:
        raise UserError(
            "there is no recipe given: name one of 'spatialbench reproduce --list', or a YAML file."
        )
    if dry_run:
        show(_plan(recipe, values, working, price_per_hour), form)
        return
    if price_per_hour is not None:
        raise UserError("--price-per-hour is for a plan, not for a run: add --dry-run.")
    say("loading the libraries")
    from ..api.recipe_needs import unique_parts
    from ..api.reproduce import make, names_of, result_of, runs_of, shard_folders
    from ..api.reproducing import asked
    from ..recipes.table import result_report
    from ..runs.following import after_comparing, after_ranking

    with stdout_reserved():
        shard = working.part()
        device = working.device(values.pop("device"))
        found = asked(
            recipe,
            **values,
            device=device,
            executor=working.build(device),
            progress=progress(),
            shard=shard,
            command=command_line(),
        )
        if not yes:
            ask_before_long_work(unique_parts(found), working.workers or 1, command_line())
        made = make(found)
        for run in runs_of(made) if not shard.whole else ():
            say_shard_done(shard, run)
    if shard.whole:
        show(result_report(result_of(found, made)), form)
        if form in FOR_PEOPLE:
            paths = [run.path for run in runs_of(made)]
            say_next(*(after_comparing(paths) if len(paths) > 1 else after_ranking(paths)))
    else:
        click.echo("\n".join(shard_folders(made)))
    refuse_given_up(*runs_of(made), called=names_of(made))


def _plan(
    recipe: str, values: dict[str, Any], working: WorkingOptions, price_per_hour: float | None
) -> Report:
    from ..api.recipe_plans import plans
    from ..api.reproducing import asked
    from .reproduce_plan import recipe_plan_report

    with stdout_reserved():
        device = named_device(values.pop("device") or "cpu")
        values |= {"device": device, "here": False, "progress": progress(), "planned": True}
        found = asked(recipe, **values)
        workers = working.workers or 1
        return recipe_plan_report(found, plans(found, workers, price_per_hour))
