"""The parameters that act on a transformer's joint attention, and those that do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import unknown_name
from ...guidance import joint_blocks
from ...guidance.joint_blocks import JointReading, take_reading
from ...plugins import Parameter

PARAMETERS: Mapping[str, Parameter] = {
    **joint_blocks.PARAMETERS,
    "softmax": Parameter(
        "joint", "on a transformer: probabilities over image and text (joint) or over text (text)"
    ),
    "aggregate": Parameter(
        "maps", "on a transformer: one loss of the blocks' mean map (maps) or their mean (losses)"
    ),
    "grid": Parameter(
        "native", "on a transformer: sum over the map's own grid (native) or 64x64 (canvas64)"
    ),
}

DEFAULTS: Mapping[str, Any] = {"weight": 100.0, "end": "30%"}
"""What a transformer wants otherwise than a UNet, under a preset's values: the strength is near
that of the authors' SD3 file, and the layout is decided in the first steps."""

_CHOICES = {
    "softmax": ("joint", "text"),
    "aggregate": ("maps", "losses"),
    "grid": ("native", "canvas64"),
}
_ON_UNETS = {"layers": "levels of a UNet", "compat": "the authors' code for UNets"}


@dataclass(frozen=True, slots=True)
class JointSettings:
    """Checked values of ``PARAMETERS``."""

    reading: JointReading
    softmax: str
    aggregate: str
    grid: str

    def identity(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **self.reading.identity(),
            "softmax": self.softmax,
            "aggregate": self.aggregate,
            "grid": self.grid,
        }


def with_defaults(parameters: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    """The parameters with the defaults that hold on a transformer."""
    return {
        key: replace(parameter, default=DEFAULTS.get(key, parameter.default))
        for key, parameter in parameters.items()
    }


def take_joint(
    values: dict[str, Any], given: Mapping[str, Any], *, joint: bool, tokens: str
) -> JointSettings | None:
    """The values of ``PARAMETERS``, taken out of ``values``; None on a UNet.

    Args:
        given: what the user set.
        joint: whether the backbone is a transformer.
        tokens: whose words are read where nothing is said.

    Raises:
        UserError: an unknown value, or a parameter that has no effect on this kind of backbone.
    """
    own = {key: values.pop(key) for key in _CHOICES if key in values}
    reading = take_reading(
        "infsplign",
        values,
        given,
        tokens=tokens if joint else None,
        on_unets=_ON_UNETS,
        further=PARAMETERS,
    )
    if reading is None:
        return None
    for key, names in _CHOICES.items():
        if own[key] not in names:
            raise unknown_name(f"{key} of infsplign", own[key], names)
    return JointSettings(reading, own["softmax"], own["aggregate"], own["grid"])
