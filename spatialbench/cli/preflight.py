"""What ``run`` and ``generate`` ask of this machine before they make or write anything."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..errors import typed
from .assembly import command_line

if TYPE_CHECKING:
    from ..plugins.requirements import Requirement
    from ..stages.preflight import Wanted

_LATER = ("--detector", "--rule", "--threshold", "--format", "--price-per-hour")
"""Options of ``run`` that ``generate`` does not have, each with a value."""
_FLAGS = ("--calibrate", "--dry-run")


def before_anything_is_made(wanted: Wanted) -> None:
    """Fetch what can be fetched, and end here where something else is missing.

    Where the images could be made all the same, the command for that is offered.

    Raises:
        UserError: what is missing, all of it.
    """
    from ..stages.preflight import fetch, needs, require

    found = needs(wanted)
    require(found, fetch=lambda: fetch(wanted), offer=_offer(wanted, found))


def listed(wanted: Callable[[], Wanted]) -> list[Requirement]:
    """What a plan shows: everything needed, and also why something cannot even be asked for."""
    from ..errors import UserError
    from ..plugins.requirements import Requirement
    from ..stages.preflight import needs

    try:
        return needs(wanted())
    except UserError as error:
        return [Requirement("a detector that can be asked for", str(error))]


def _offer(wanted: Wanted, found: list[Requirement]) -> str:
    """The command that makes only the images, where nothing that they need is missing."""
    from dataclasses import replace

    from ..stages.preflight import needs

    if wanted.generator is None or (wanted.detector is None and wanted.judging is None):
        return ""
    alone = needs(replace(wanted, detector=None, judging=None))
    if any(r.missing and not r.fetchable for r in alone):
        return ""
    if not any(r.missing and not r.fetchable for r in found):
        return ""
    return f" To make only the images meanwhile, type '{generate_command()}'."


def generate_command() -> str:
    """The ``run`` command that was typed, as a ``generate`` command."""
    words = shlex.split(command_line())
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in _LATER:
            skip = True
        elif word not in _FLAGS and not word.startswith(tuple(f"{name}=" for name in _LATER)):
            kept.append(word)
    verb = click.get_current_context().info_name or "run"
    if verb in kept:
        kept[kept.index(verb)] = "generate"
    return typed(*kept[1:])
