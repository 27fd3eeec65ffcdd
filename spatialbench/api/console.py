"""What a person sees on stderr while a command works; stdout is left to the result."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..files.shown_text import printable
from ..reports.screen import terminal_width
from ..runs.progress import Progress, Silent
from ..stages.estimate import duration

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import ProgressColumn, TaskID


_SECONDS_BETWEEN_LINES = 10.0


_COMMAND = re.compile(r"'spatialbench [^']*'|\bnext: .*")


def say(text: str) -> None:
    """A sentence on stderr: one line, or as many as a terminal needs for its words.

    What may be typed stays on one line, because a break in it would be copied with it.
    """
    print(_fitted(printable(text)), file=sys.stderr, flush=True)


def _fitted(text: str) -> str:
    width = terminal_width(sys.stderr)
    if width is None:
        return text
    kept = _COMMAND.sub(lambda command: command[0].replace(" ", "\0"), text)
    lines = [
        textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]
        for line in kept.split("\n")
    ]
    return "\n".join(line for some in lines for line in some).replace("\0", " ")


class SaidLog(logging.Handler):
    """Log lines as everything else is printed: above an open bar and not across it."""

    def emit(self, record: logging.LogRecord) -> None:
        """See ``logging.Handler.emit``."""
        say(self.format(record))


@contextlib.contextmanager
def stdout_reserved() -> Iterator[None]:
    """Send what any library prints to stderr, so that stdout holds the result and nothing else.

    A bar that is still open at the end is closed: what is printed then stands below it.
    """
    with contextlib.redirect_stdout(sys.stderr):
        try:
            yield
        finally:
            for bar in list(_OPEN):
                bar.end()


def say_next(*commands: str) -> None:
    """What may be typed after a success, each on a line of its own."""
    for command in commands:
        say(f"next: {command}")


def progress() -> Progress:
    """A bar on a terminal, plain lines elsewhere."""
    return BarProgress() if sys.stderr.isatty() else LineProgress()


def told(given: bool | Progress) -> Progress:
    """True draws on stderr, False draws nothing; or the object itself."""
    if isinstance(given, bool):
        return progress() if given else Silent()
    return given


class LineProgress:
    """One line when a stage starts and ends, and one every ten seconds between."""

    def __init__(self) -> None:
        self._stage = ""
        self._done = self._at_start = self._total = self._told_of = 0
        self._started = self._told = 0.0
        self._first: tuple[float, int] | None = None

    def begin(self, stage: str, done: int, total: int) -> None:
        """Announce a stage; one with nothing left to do is complete."""
        self._stage, self._total = stage, total
        self._done = self._at_start = self._told_of = done
        self._started = self._told = time.monotonic()
        self._first = None
        state = "complete" if done == total else "starting"
        say(f"{stage}: {done:,}/{total:,} images, {state}")

    def advance(self, images: int) -> None:
        """Count images, and tell now and then."""
        self._done += images
        if self._done == self._told_of:
            return
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            self._tell()
        # The first images waited for the models.
        self._first = self._first or (now, self._done)

    def notice(self, text: str) -> None:
        """A sentence on a line of its own."""
        say(text)

    def end(self) -> None:
        """Tell the stage's final count, unless that stands there already."""
        if self._done != self._told_of:
            self._tell(last=True)

    def _tell(self, last: bool = False) -> None:
        self._told_of = self._done
        seconds = time.monotonic() - self._started
        made = self._done - self._at_start
        told = f"{self._stage}: {self._done:,}/{self._total:,} images, {seconds:.0f} s"
        if made:
            told += f", {seconds / made:.3g} s per image"
        left = self._total - self._done
        since, done = self._first or (0.0, self._done)
        if self._done > done and left and not last:
            pace = (time.monotonic() - since) / (self._done - done)
            told += f", {duration(pace * left)} left"
        say(told)


class BarProgress:
    """A bar per stage with images per second and the time left."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None

    def begin(self, stage: str, done: int, total: int) -> None:
        """Open the stage's bar at what is already done; the command's end closes it at the latest.

        So what is printed last, such as an error, stands below it.
        """
        self.end()
        context = click.get_current_context(silent=True)
        if context is not None:
            context.call_on_close(self.end)
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (TextColumn("{task.description:>8}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, _rate_column(), Remaining(), console=console)
        self._task = self._bar.add_task(stage, total=total, completed=done, before=done)
        self._bar.start()
        _OPEN.append(self)

    def advance(self, images: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, images)

    def notice(self, text: str) -> None:
        """A sentence above the bar."""
        if self._bar is None:
            say(text)
        else:
            self._bar.console.print(printable(text), markup=False, highlight=False)

    def end(self) -> None:
        """Close the bar and leave it on the screen."""
        if self._bar is not None:
            _OPEN.remove(self)
            self._bar.stop()
        self._bar = self._task = None


_OPEN: list[BarProgress] = []
"""Bars that are on the screen."""


def _rate_column() -> ProgressColumn:
    """Images per second since the stage began, or seconds per image where that is more."""
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            # Not rich's own speed: it counts from the first images, which come several at once.
            made, seconds = task.completed - task.fields["before"], task.finished_time
            seconds = task.elapsed if seconds is None else seconds
            return Text(rate_text(made / seconds if seconds else None), style="dim")

    return Rate()


def rate_text(speed: float | None) -> str:
    """``12.3 images/s``, ``4.1 s/image``, or nothing while none is finished."""
    if not speed:
        return ""
    return f"{speed:.1f} images/s" if speed >= 1 else f"{1 / speed:.1f} s/image"
