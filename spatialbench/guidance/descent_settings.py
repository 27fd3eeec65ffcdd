"""The parameters that methods which descend on the latents share, and what they must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError, unknown_name
from ..plugins import Parameter
from ..plugins.parameters import read_parameters
from . import joint_blocks
from .joint_blocks import JointReading, take_reading
from .several import FIRST, RELATIONS
from .windows import Window, read_step, read_window

_ON_UNETS = {
    "level": "the levels of a UNet",
    "prompt_only": "the padding that competes on a UNet (on a transformer it never does)",
}


@dataclass(frozen=True, slots=True)
class DescentSettings:
    """Checked parameters of one run; :func:`descent_parameters` says what each means.

    Attributes:
        window: the guided steps.
        thresholds: (step, value) pairs: at that step the latents are moved again and again until
            the loss is at most 1 - value.
        clip: greatest length of a sample's gradient; None leaves it as it is.
        relations: one of ``several.RELATIONS``; not in the identity, see ``several``.
        joint: what is read of a transformer; None on a UNet, to which ``level`` and ``prompt_only``
            belong.
    """

    scale: float
    window: Window
    thresholds: tuple[tuple[int, float], ...]
    iterations: int
    level: int
    prompt_only: bool
    clip: float | None
    checkpointing: bool
    relations: str = FIRST
    joint: JointReading | None = None

    def identity(self) -> dict[str, Any]:
        """All that decides pixels, plain JSON. Not ``checkpointing``: it repeats the same steps."""
        return {
            "scale": self.scale,
            "window": [self.window.start, self.window.end],
            "thresholds": [f"{step}:{value:g}" for step, value in self.thresholds],
            "iterations": self.iterations,
            **(
                {"level": self.level, "prompt_only": self.prompt_only}
                if self.joint is None
                else self.joint.identity()
            ),
        }


def descent_parameters(
    *, scale: float, start: str, end: str, thresholds: str, iterations: int
) -> dict[str, Parameter]:
    """What ``--set`` takes, with a method's own defaults."""
    return {
        "scale": Parameter(scale, "length of a step against the gradient; 0 guides nothing"),
        "start": Parameter(start, "first guided step: a step number, or a share such as 10%"),
        "end": Parameter(end, "first step no longer guided: likewise"),
        "thresholds": Parameter(
            thresholds, "STEP:VALUE,...: there, repeat until the loss is at most 1 - VALUE; or none"
        ),
        "iterations": Parameter(iterations, "most repetitions at such a step"),
        "level": Parameter(2, "on a UNet: halvings of the latents' side to the maps that are read"),
        "prompt_only": Parameter(
            False,
            "on a UNet: only the prompt's own words compete for a pixel, not the padding after",
        ),
        "checkpointing": Parameter(False, "recompute activations: less memory, slower"),
        **joint_blocks.PARAMETERS,
    }


def read_descent(
    method: str,
    declared: Mapping[str, Parameter],
    given: Mapping[str, Any],
    inherited: Mapping[str, Any],
    steps: int,
    clip: float | None,
    tokens: str | None = None,
) -> DescentSettings:
    """Settings from ``--set`` over the backbone's values over the method's defaults.

    Args:
        method: its name, for messages.
        inherited: what the backbone wants otherwise than the method's defaults.
        steps: sampling steps of the run, which shares are measured against.
        tokens: on a transformer, whose words are read where nothing is said.

    Raises:
        UserError: an unknown parameter, a value out of range, or a parameter that has no effect on
            this kind of backbone.
    """
    values = read_parameters(method, declared, {**inherited, **given})
    joint = take_reading(method, values, given, tokens=tokens, on_unets=_ON_UNETS)
    if values.get("relations", FIRST) not in RELATIONS:
        raise unknown_name(f"relations of {method}", values["relations"], RELATIONS)
    ranges = {
        "scale": (values["scale"] >= 0, "0 or more"),
        "iterations": (values["iterations"] >= 0, "0 or more"),
        "level": (values["level"] >= 0, "0 or more"),
    }
    for key, (fine, expected) in ranges.items():
        if not fine:
            raise UserError(
                f"{key}={values[key]:g} is out of range for {method}: give {expected} "
                f"(default {declared[key].default:g})."
            )
    return DescentSettings(
        scale=values["scale"],
        window=read_window(values["start"], values["end"], steps),
        thresholds=_thresholds(method, values["thresholds"], steps),
        iterations=values["iterations"],
        level=values["level"],
        prompt_only=values["prompt_only"],
        clip=clip,
        checkpointing=values["checkpointing"],
        relations=values.get("relations", FIRST),
        joint=joint,
    )


def _thresholds(method: str, text: str, steps: int) -> tuple[tuple[int, float], ...]:
    if text.strip() == "none":
        return ()
    found: dict[int, float] = {}
    for part in text.split(","):
        step, _, value = part.strip().rpartition(":")
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not step or not 0 <= number <= 1:
            raise UserError(
                f"thresholds={text!r} is not what {method} takes: give STEP:VALUE pairs with a "
                "value from 0 to 1, such as --set thresholds=0:0.05,20%:0.5,40%:0.8, or none."
            )
        # Of two shares that fall on one step of a short run, the later and stricter one counts.
        found[read_step("thresholds", step, steps)] = number
    return tuple(sorted(found.items()))
