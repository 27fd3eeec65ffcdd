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
from .streams import write_styled

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_KEY = "spatialbench.view"


def show(report: Report, form: Form) -> None:
    """Print a report as the options of this command ask for it."""
    view = click.get_current_context().meta.get(_KEY, View())
    text = report.text(form, view, Screen.of_stdout())
    write_styled(f"{text}\n")


def _kept(context: click.Context, option: click.Parameter, value: Any) -> Any:
    """Remember an option's value for ``show``."""
    name = str(option.name)
    if name == "rows" or name == "columns":
        value = [one for given in value for one in _listed(given)]
    context.meta[_KEY] = replace(context.meta.get(_KEY, View()), **{name: value})
    return value


def _listed(given: str) -> list[str]:
    return [one for text in given.split(",") if (one := text.strip())]


def kept_option(*names: str, **how: Any) -> Callable[[Decorated], Decorated]:
    """An option of ``View`` that no verb has to pass on."""
    return click.option(*names, **{"callback": _kept, **how}, expose_value=False)


signature_option = kept_option(
    "--signature",
    is_flag=True,
    help="Also print how each row was measured, in one line; md, csv, json and html always have "
    "it, and latex as a comment.",
)

by_option = kept_option(
    "--by",
    "groups",
    type=click.Choice(["relation", "task"]),
    callback=lambda context, option, value: _kept(context, option, value is not None),
    help="Also print the rows of each relation of the prompts, or of each task, whichever the "
    "benchmark has; md, csv, json and html always have them.",
)
