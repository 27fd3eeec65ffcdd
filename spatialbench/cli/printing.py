"""Results on stdout: on a terminal in its width and with colour, elsewhere plain.

The options below are kept beside the verb's own and reach ``show`` by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from ..reports.report import Form, Report
from ..reports.screen import Screen
from ..reports.view import View
from .parsing import Utf8
from .streams import write_styled

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_KEY = "spatialbench.view"


def view() -> View:
    """What the options of this command ask for."""
    asked: View = click.get_current_context().meta.get(_KEY, View())
    return asked


def show(report: Report, form: Form, asked: View | None = None) -> None:
    """Print a report as the options of this command ask for it, or in a view of its own."""
    text = report.text(form, asked or view(), Screen.of_stdout())
    write_styled(f"{text}\n")


def _kept(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Remember an option's value for ``show``."""
    name = str(option.name)
    if name == "columns":
        value = tuple(one.strip() for given in value for one in given.split(",") if one.strip())
    context.meta[_KEY] = replace(context.meta.get(_KEY, View()), **{name: value})
    return value


def kept_option(*names: str, **how: Any) -> Callable[[Decorated], Decorated]:
    """An option of ``View`` that no verb has to pass on."""
    return click.option(*names, **{"callback": _kept, **how}, expose_value=False)


signature_option = kept_option(
    "--signature",
    is_flag=True,
    help="Also print how each row was measured, in one line; md, csv, json and html always have "
    "it, and latex as a comment.",
)

_TABLE_OPTIONS = (
    kept_option(
        "--columns",
        multiple=True,
        metavar="NAME,...",
        help="Only these columns, in this order, after the first.",
    ),
    kept_option(
        "--rows",
        multiple=True,
        metavar="NAME|GLOB,...",
        help="Only the rows with one of these names; * stands for any text.",
    ),
    kept_option(
        "--sort",
        type=Utf8(),
        metavar="COLUMN",
        help="Order the rows by a column, the best first; -COLUMN: the last first.",
    ),
    kept_option(
        "--digits",
        type=click.IntRange(0, 6),
        help="Digits after the point, in table, md, latex and html; default: 2. csv and json have "
        "numbers in full.",
    ),
    kept_option(
        "--intervals/--no-intervals",
        default=True,
        show_default=True,
        help="Whether numbers have their intervals, in table, md, latex and html.",
    ),
    kept_option(
        "--caption", type=Utf8(), metavar="TEXT", help="What the table is called; plain text."
    ),
    kept_option(
        "--latex-label",
        "label",
        metavar="NAME",
        help="What latex refers to the table by, as in tab:NAME; default: made of its title.",
    ),
)


def table_options(function: Decorated) -> Decorated:
    """Which rows and columns of a result are printed, and how; see ``View``."""
    for option in reversed(_TABLE_OPTIONS):
        function = option(function)
    return function


by_option = kept_option(
    "--by",
    "groups",
    type=click.Choice(["relation", "task"]),
    callback=lambda context, option, value: _kept(context, option, value is not None),
    help="Also print the rows of each relation of the prompts, or of each task, whichever the "
    "benchmark has; md, csv, json and html always have them.",
)
