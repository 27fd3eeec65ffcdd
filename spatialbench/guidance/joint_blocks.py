"""Which blocks of a transformer are tapped, and whose words are read there.

Blocks are counted from 0; FLUX's single blocks count on after its double blocks.

Source of the defaults: what others read of these models (Seg4Diff for SD3, Add-it, FreeFuse and
ConceptAttention for FLUX.1); for methods made for UNets no one has published any. Blocks of one
model differ widely in how well they know where things are, so they are better measured than
believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UserError, unknown_name
from ..plugins import Parameter
from .joint_attention import PROCESSORS, FluxTapProcessor, SD3TapProcessor, TapProcessor
from .joint_tokens import TOKENS
from .own_attention import require_own

PARAMETERS: Mapping[str, Parameter] = {
    "blocks": Parameter(
        "", "on a transformer: blocks to read, such as 7-9 or 13,14,18; empty is the model's own"
    ),
    "tokens": Parameter(
        "", "on a transformer: whose words, clip, t5 or both; empty is clip on SD3, t5 on FLUX"
    ),
}

_DEFAULTS = {
    (SD3TapProcessor, 24): (7, 8, 9),
    (SD3TapProcessor, 38): (12, 13, 14, 15),
    (FluxTapProcessor, 57): (13, 14, 18),
}
"""By kind and number of blocks: SD3 and SD3.5 medium, SD3.5 large, FLUX.1."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The tapped blocks' numbers, their attention, and what computes it while they are read."""

    numbers: tuple[int, ...]
    modules: tuple[Any, ...]
    processor: TapProcessor


@dataclass(frozen=True, slots=True)
class JointReading:
    """Checked values of ``PARAMETERS``.

    ``blocks`` is ascending, None for the model's own.
    """

    blocks: tuple[int, ...] | None
    tokens: str

    def identity(self) -> dict[str, Any]:
        """Plain JSON."""
        blocks = "default" if self.blocks is None else list(self.blocks)
        return {"blocks": blocks, "tokens": self.tokens}


def take_reading(
    method: str,
    values: dict[str, Any],
    given: Mapping[str, Any],
    *,
    tokens: str | None,
    on_unets: Mapping[str, str],
    further: Mapping[str, Parameter] | None = None,
) -> JointReading | None:
    """The values of ``PARAMETERS``, taken out of ``values``; None on a UNet.

    Args:
        method: its name, for messages.
        given: what the user set.
        tokens: whose words are read where nothing is said; None on a UNet.
        on_unets: parameters that act on a UNet alone, and what each is for.
        further: the method's other parameters that act on a transformer alone.

    Raises:
        UserError: an unknown value, or a parameter that has no effect on this kind of backbone.
    """
    blocks, chosen = str(values.pop("blocks", "")), values.pop("tokens", "")
    for key in given:
        if tokens is None and (key in PARAMETERS or key in (further or ())):
            raise UserError(
                f"{method}: {key} acts on transformers (SD3, FLUX) and this backbone is a UNet: "
                f"leave out --set {key}."
            )
        if tokens is not None and key in on_unets:
            raise UserError(
                f"{method}: {key} is for {on_unets[key]} and this backbone is a transformer: "
                f"leave out --set {key}."
            )
    if tokens is None:
        return None
    if chosen not in ("", *TOKENS):
        raise unknown_name(f"tokens of {method}", chosen, TOKENS)
    return JointReading(_numbers(method, blocks), chosen or tokens)


def find_blocks(transformer: Any, chosen: tuple[int, ...] | None, method: str) -> Blocks:
    """The tapped blocks' joint attention.

    Args:
        chosen: numbers of blocks; None for those of a model that is known.
        method: its name, for messages.

    Raises:
        UserError: another kind of transformer, one without default blocks, a block that it does
            not have, or attention that is not the backbone's own.
    """
    name = type(transformer).__name__
    kind = PROCESSORS.get(name)
    if kind is None:
        raise UserError(
            f"{method} reads the joint attention of {' and '.join(PROCESSORS)}, and this "
            f"backbone's is a {name}: choose another backbone."
        )
    attention = kind.attention(transformer)
    for number, module in enumerate(attention):
        require_own(f"block {number}", module, method)
    count = len(attention)
    taps = _DEFAULTS.get((kind, count)) if chosen is None else chosen
    if taps is None:
        raise UserError(
            f"it is not known which of this transformer's {count} blocks to read: give some with "
            f"--set blocks=, such as --set blocks={min(count // 3, count - 1)} (from 0 to "
            f"{count - 1})."
        )
    if taps[-1] >= count:
        raise UserError(
            f"{method}: blocks={taps[-1]} is not in this transformer, whose {count} blocks are "
            f"numbered from 0 to {count - 1}."
        )
    return Blocks(tuple(taps), tuple(attention[tap] for tap in taps), kind)


def _numbers(method: str, text: str) -> tuple[int, ...] | None:
    text = text.replace(" ", "")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*", text):
        raise UserError(
            f"{method}: blocks={text} is not a list of blocks: give numbers and ranges, such as "
            "7-9 or 13,14,18."
        )
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            raise UserError(f"{method}: blocks={part} ends before it starts: give it as 7-9.")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))
