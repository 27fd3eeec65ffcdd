"""Types of values: finite numbers, batch sizes, text that can be stored, and runs."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..errors import UserError, is_plain


class FiniteFloat(click.ParamType[float, str | float]):
    """A number from ``low`` to ``high``; NaN and infinity are no numbers here."""

    name = "number"

    def __init__(self, low: float, high: float = math.inf) -> None:
        self.low, self.high = low, high

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """See ``click.ParamType.convert``."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self.low <= number <= self.high):
            upper = "" if math.isinf(self.high) else f" and at most {self.high:g}"
            self.fail(f"{value} is not a number of at least {self.low:g}{upper}.", param, ctx)
        return number


class BatchSize(click.ParamType[int | str, int | str]):
    """A whole number of at least 1, or ``auto``."""

    name = "integer|auto"

    def convert(
        self, value: int | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """See ``click.ParamType.convert``."""
        if value == "auto":
            return value
        number: int = click.IntRange(min=1)(value, param, ctx)
        return number


class Utf8(click.ParamType[str, str]):
    """A text that is stored and shown, so that its bytes have to be UTF-8."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See ``click.ParamType.convert``."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{value!r} is not UTF-8: give a name that is.", param, ctx)
        return value


class Place(click.Path):
    """Where the user wants something written; an empty text is no place."""

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See ``click.ParamType.convert``. Raises UserError where click's own check cannot look."""
        from ..runs.files import place_errors

        if not str(value):
            self.fail("the text is empty, as that of a variable that is not set.", param, ctx)
        with place_errors(Path(value)):
            return super().convert(value, param, ctx)


class RunFolder(click.ParamType[Path, str | Path]):
    """The folder of a run, or of several: as a path, or by a run's id, name, or how one begins.

    What exists as a path is that; see ``runs.finding``.

    Args:
        later: leave it to the verb to find the run, which has to refuse other things before.
    """

    name = "run"

    def __init__(self, *, later: bool = False) -> None:
        self.later = later

    def convert(
        self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """See ``click.ParamType.convert``. Raises UserError for what names no run, or several."""
        from ..runs.finding import found_run

        if isinstance(value, Path) or self.later:
            return Path(value)
        return found_run(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Names and ids of the runs that there are, and folders."""
        from ..runs.finding import known_runs, runs_root

        found: list[CompletionItem] = []
        with suppress(UserError, OSError):
            for run in known_runs(runs_root()):
                names = [name for name in run.names if name.startswith(incomplete)]
                found += [
                    CompletionItem(name, help=str(run.path)) for name in names if is_plain(name)
                ]
        return [*found, CompletionItem(incomplete, type="dir")]
