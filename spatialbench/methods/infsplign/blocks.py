"""Which blocks of a transformer are tapped.

Blocks are counted from 0; FLUX's single blocks count on after its double blocks.

Source of the defaults: what others read of these models (Seg4Diff for SD3, Add-it, FreeFuse and
ConceptAttention for FLUX.1); no one has published blocks for InfSplign. Blocks of one model differ
widely in how well they know where things are, so they are better measured than believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from ...guidance.joint_attention import PROCESSORS, FluxTapProcessor, SD3TapProcessor, TapProcessor
from ...guidance.own_attention import require_own

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


def find_blocks(transformer: Any, chosen: tuple[int, ...] | None) -> Blocks:
    """The tapped blocks' joint attention.

    Args:
        chosen: numbers of blocks; None for those of a model that is known.

    Raises:
        UserError: another kind of transformer, one without default blocks, a block that it does
            not have, or attention that is not the backbone's own.
    """
    name = type(transformer).__name__
    kind = PROCESSORS.get(name)
    if kind is None:
        raise UserError(
            f"infsplign reads the joint attention of {' and '.join(PROCESSORS)}, and this "
            f"backbone's is a {name}: choose another backbone."
        )
    attention = kind.attention(transformer)
    for number, module in enumerate(attention):
        require_own(f"block {number}", module, "infsplign")
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
            f"infsplign: blocks={taps[-1]} is not in this transformer, whose {count} blocks are "
            f"numbered from 0 to {count - 1}."
        )
    return Blocks(tuple(taps), tuple(attention[tap] for tap in taps), kind)
