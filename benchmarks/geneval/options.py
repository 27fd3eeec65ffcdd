"""The script's options as a user gives them: which there are, and what each may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spatialbench.errors import UserError

from .evaluation import Options

RANGES: Mapping[str, tuple[float, float]] = {
    "counting_threshold": (0, 1),
    "max_objects": (1, 1000),
    "max_overlap": (0, 1),
    "position_threshold": (0, 10),
}
"""What each option of a rule may be; the threshold has an option of the command line."""


def checked_options(base: Options, given: Mapping[str, Any]) -> Options:
    """Options with some of them set.

    Raises:
        UserError: a value that is not a number, or out of its range.
    """
    for key, value in given.items():
        low, high = RANGES[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high or (key == "max_objects" and value % 1):
            whole = "whole " if key == "max_objects" else ""
            raise UserError(
                f"--rule option {key}={value} is out of range: give a {whole}number from "
                f"{low:g} to {high:g}."
            )
    return replace(base, **given)
