"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..lab import LAB_DETECTOR
from ..reports.charts.as_files import FORMS as FIGURES
from ..reports.report import FORMS
from .parsing import FiniteFloat, Utf8
from .printing import kept_option

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def format_option(function: Decorated) -> Decorated:
    """``--format`` as ``form``, one of ``reports.report.FORMS``; and ``--wide`` for ``show``."""
    form = click.option(
        "--format",
        "form",
        type=click.Choice(FORMS),
        default="table",
        show_default=True,
        help="How to print the result. With json, stdout holds one document and nothing else; "
        "latex is best with the package booktabs; html is a whole page.",
    )
    wide = kept_option(
        "--wide",
        is_flag=True,
        help="Where the terminal is too narrow for all columns: all of them, in blocks.",
    )
    return stack(form, wide)(function)


def label_option(function: Decorated) -> Decorated:
    """``--label`` as ``labels``."""
    return click.option(
        "--label",
        "labels",
        type=Utf8(),
        multiple=True,
        metavar="RUN=TEXT",
        help="What to call a run in this table; RUN is its directory or id. Give --label again for "
        "another one.",
    )(function)


def charts_option(function: Decorated) -> Decorated:
    """``--charts`` as ``figures``, of ``reports.charts.as_files.FORMS``."""
    return click.option(
        "--charts",
        "figures",
        type=click.Choice(FIGURES),
        multiple=True,
        help="Write the charts in this form, too, for papers and slides; SVG is always written. "
        "Give --charts again for another one. Needs pip install 'spatialbench[figures]'.",
    )(function)


def copy_option(function: Decorated) -> Decorated:
    """``--copy`` of pages."""
    return click.option(
        "--copy",
        is_flag=True,
        help="Put small copies of the images into the folder, so that it can be moved or sent.",
    )(function)


def stack(*decorators: Callable[[Any], Any]) -> Callable[[Decorated], Decorated]:
    """Apply option decorators so that the help lists them in the order given."""

    def apply(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


def only_option(help: str) -> Callable[[Decorated], Decorated]:
    """``--only``, one text; given again, it adds to what was given before."""

    def joined(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> str | None:
        return ",".join(given) or None

    return click.option("--only", multiple=True, callback=joined, help=help)


batch_size_option = click.option(
    "--batch-size", type=click.IntRange(min=1), help="Images at a time; changes no image."
)
device_option = click.option(
    "--device", help="cpu, cuda, cuda:1, mps; default: cuda where there is one, else cpu."
)
offline_option = click.option(
    "--offline", is_flag=True, help="Use the cache and local folders only."
)


def several(
    context: click.Context, option: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...] | str | None:
    """What an option that may be given again was given: None for nothing, one as a text."""
    return given[0] if len(given) == 1 else given or None


_DETECTOR = (
    "NAME, or NAME:WEIGHTS with a folder or org/name@revision; default: the benchmark's own, and "
    f"{LAB_DETECTOR} for the backbone lab."
)
_judge_option = click.option(
    "--judge",
    multiple=True,
    callback=several,
    help="For a rule that needs answers or similarity: NAME, NAME:WEIGHTS or "
    "path/to/file.py:NAME; default: the benchmark's own. A rule that needs both takes one "
    "--judge for each.",
)
_names_options = (
    click.option(
        "--known-names-only",
        is_flag=True,
        help="Only prompts whose every object name the detector knows; every table is marked [k].",
    ),
    click.option(
        "--synonyms",
        is_flag=True,
        help="Ask the detector for another name of what it does not know (docs/detectors.md); "
        "every table is marked [s].",
    ),
)
detector_options = stack(click.option("--detector", help=_DETECTOR), _judge_option, *_names_options)
table_detector_options = stack(
    click.option(
        "--detector",
        multiple=True,
        callback=several,
        help=f"{_DETECTOR} For a table whose prompt sets have several, give one --detector for "
        "each.",
    ),
    _judge_option,
    *_names_options,
)
"""The same for a verb that may fill a whole table."""

depth_option = click.option(
    "--depth",
    help="For a rule that needs depth maps: depth-anything, dpt-hybrid, or one of them with "
    ":WEIGHTS; ground-plane for images of the lab; default: the rule's own model.",
)

threshold_option = click.option(
    "--threshold",
    type=FiniteFloat(0, 1),
    help="Boxes count whose score is above this; default: the rule's own.",
)

rule_options = stack(
    click.option(
        "--rule",
        help="NAME, or NAME:KEY=VALUE,... for one with options; default: the subset's own; "
        "'list rules' shows them.",
    ),
    threshold_option,
)

confidence_option = click.option(
    "--confidence",
    type=FiniteFloat(0.5, 0.9999),
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)

resamples_option = click.option(
    "--resamples",
    type=click.IntRange(min=100),
    default=2000,
    show_default=True,
    help="Resamples of the bootstrap, and of the permutation test where there is one.",
)
