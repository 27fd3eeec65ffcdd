"""Which of the sampling steps are guided, and steps given as shares of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import UserError


@dataclass(frozen=True, slots=True)
class Window:
    """Guided steps ``start <= step < end``, counted from the noisiest."""

    start: int
    end: int

    def __contains__(self, step: object) -> bool:
        return isinstance(step, int) and self.start <= step < self.end

    def holds_call(self, call: int, calls: int, steps: int) -> bool:
        """Whether the model's ``call``-th evaluation of ``calls`` is guided.

        Schedulers of higher order evaluate the model more often than there are steps; the calls
        are spread evenly over the steps.
        """
        return call * steps // calls in self


def read_window(start: Any, end: Any, steps: int) -> Window:
    """A window from two edges, each a step number or a share of the steps.

    ``12`` is a step; ``25%`` and ``0.25`` are shares, rounded to the nearest step. Equal edges
    guide nothing.

    Raises:
        UserError: an edge that is neither or lies outside the run, or a start after the end.
    """
    window = Window(read_step("start", start, steps), read_step("end", end, steps))
    if window.start > window.end:
        raise UserError(
            f"the guided window starts at step {window.start} and ends before it, at step "
            f"{window.end}; give start <= end, for instance --set start=0 --set end=25%."
        )
    return window


def read_step(name: str, value: Any, steps: int) -> int:
    """A step of the run from a step number or a share of the steps; ``steps`` is its end.

    Raises:
        UserError: neither, or outside the run.
    """
    try:
        edge = _share(value, steps) if _is_share(value) else _step(value)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{name}={value!r} is not a step of the run: give a step number such as 12, or a share "
            "such as 25% or 0.25."
        ) from error
    if not 0 <= edge <= steps:
        raise UserError(
            f"{name}={value} lies outside the {steps} steps of this run: give a number from 0 to "
            f"{steps}, or a share from 0% to 100%."
        )
    return edge


def _is_share(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, str) and ("%" in value or "." in value))


def _share(value: Any, steps: int) -> int:
    text = str(value).strip()
    share = float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    if not 0 <= share <= 1:
        raise ValueError(text)
    return round(share * steps)


def _step(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)
