"""Types of option values: finite numbers, batch sizes, and text that can be stored."""

from __future__ import annotations

import math

import click


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
