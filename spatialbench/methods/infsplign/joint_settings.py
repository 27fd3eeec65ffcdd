"""The parameters that act on a transformer's joint attention, and those that do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ...errors import UserError, unknown_name
from ...guidance.joint_tokens import TOKENS
from ...plugins import Parameter

PARAMETERS: Mapping[str, Parameter] = {
    "blocks": Parameter(
        "", "on a transformer: blocks to read, such as 7-9 or 13,14,18; empty is the model's own"
    ),
    "tokens": Parameter(
        "", "on a transformer: whose words, clip, t5 or both; empty is clip on SD3, t5 on FLUX"
    ),
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
    "tokens": ("", *TOKENS),
    "softmax": ("joint", "text"),
    "aggregate": ("maps", "losses"),
    "grid": ("native", "canvas64"),
}
_ON_UNETS = {"layers": "levels of a UNet", "compat": "the authors' code for UNets"}


@dataclass(frozen=True, slots=True)
class JointSettings:
    """Checked values of ``PARAMETERS``.

    ``blocks`` is ascending, None for the model's own.
    """

    blocks: tuple[int, ...] | None
    tokens: str
    softmax: str
    aggregate: str
    grid: str

    def identity(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "blocks": "default" if self.blocks is None else list(self.blocks),
            "tokens": self.tokens,
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
    own = {key: values.pop(key) for key in PARAMETERS if key in values}
    for key in given:
        if not joint and key in PARAMETERS:
            raise UserError(
                f"infsplign: {key} acts on transformers (SD3, FLUX) and this backbone is a UNet: "
                f"leave out --set {key}."
            )
        if joint and key in _ON_UNETS:
            raise UserError(
                f"infsplign: {key} is for {_ON_UNETS[key]} and this backbone is a transformer: "
                f"leave out --set {key}."
            )
    if not joint:
        return None
    for key, names in _CHOICES.items():
        if own[key] not in names:
            raise unknown_name(f"{key} of infsplign", own[key], [name for name in names if name])
    return JointSettings(
        blocks=_blocks(str(own["blocks"])),
        tokens=own["tokens"] or tokens,
        softmax=own["softmax"],
        aggregate=own["aggregate"],
        grid=own["grid"],
    )


def _blocks(text: str) -> tuple[int, ...] | None:
    text = text.replace(" ", "")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*", text):
        raise UserError(
            f"infsplign: blocks={text} is not a list of blocks: give numbers and ranges, such as "
            "7-9 or 13,14,18."
        )
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            raise UserError(f"infsplign: blocks={part} ends before it starts: give it as 7-9.")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))
