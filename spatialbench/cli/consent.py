"""Asking before something is done that takes long, or cannot be undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ..errors import UserError
from ..files.shown_text import counted

if TYPE_CHECKING:
    from ..api.evaluation import Evaluation

LONG_S = 3600.0
"""Seconds of work from which ``run`` asks on a terminal."""

yes_option = click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before more than an hour of work, as is done on a terminal.",
)


def somebody_is_there() -> bool:
    """Whether a person can be asked: stdin and stderr are a terminal."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def require_consent(question: str, without: str) -> None:
    """Ask on a terminal; no answer is No.

    Args:
        without: the command that does it without asking.

    Raises:
        UserError: the answer is No, or nobody is there to be asked.
    """
    if not somebody_is_there():
        raise UserError(f"nobody is there to be asked: type '{without}'.")
    if not click.confirm(question, default=False, err=True):
        raise UserError(f"nothing was done; to do it without being asked, type '{without}'.")


def ask_before_long_work(asked: list[Evaluation], workers: int, command: str) -> None:
    """Ask where a person is there and the images still to be made take more than an hour.

    Args:
        asked: what is about to be made, one after the other.
        workers: how many processes share the work.
        command: what was typed.

    Raises:
        UserError: the answer is No.
    """
    from ..api.planning import left
    from ..stages.estimate import duration

    if not somebody_is_there():
        return
    found = [left(one, workers) for one in asked]
    seconds = sum(one.seconds or 0.0 for one in found)
    if seconds <= LONG_S:
        return
    images = sum(one.images for one in found)
    basis = next(one.basis for one in found if one.seconds)
    most = "at most " if any(one.until for one in asked) else ""
    are = f"{counted(images, 'image')} {'is' if images == 1 else 'are'} to be made"
    told = f"{most}{are}, which takes {duration(seconds)} ({basis})"
    require_consent(f"{told}. Start?", f"{command} --yes")
