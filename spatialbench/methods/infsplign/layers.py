"""Which cross-attention layers are tapped, and which of them are the coarse ones.

Source: the authors' code at 011f3398: decoder blocks 1 and 2 of Stable Diffusion 1.x and 2.x, and
block 3 too with its nine layers; three layers of decoder block 0 for SDXL, of which only the first
counts as coarse there. The thesis (table 6) calls layer j of decoder block i ``A_{i,j}``, j from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UserError, unknown_name
from ...guidance.own_attention import cross_attention, require_own

BOTH, ALL = "both", "all"
LEVELS = (BOTH, "coarse", "mid", "fine", ALL)
"""What ``layers`` may be, but for single layers such as ``1.2+2.1``."""

_Plan = Mapping[str, tuple[str, ...]]
_UNET: _Plan = {"coarse": ("up_blocks.1.",), "mid": ("up_blocks.2.",), "fine": ("up_blocks.3.",)}
_SDXL_BLOCK = "up_blocks.0.attentions.1.transformer_blocks."
_SDXL: _Plan = {"coarse": (f"{_SDXL_BLOCK}1.",), "mid": (f"{_SDXL_BLOCK}2.", f"{_SDXL_BLOCK}3.")}
_SINGLE = re.compile(r"([0-9]+)\.([1-9][0-9]*)")


@dataclass(frozen=True, slots=True)
class Tap:
    """A tapped layer: its name in the UNet, its attention, and whether presence acts on it."""

    name: str
    module: Any
    coarse: bool


def read_layers(given: str) -> str:
    """What ``layers`` says, single layers sorted and each once.

    Raises:
        UserError: neither a level nor single layers.
    """
    if given in LEVELS:
        return given
    found = [_SINGLE.fullmatch(one.strip()) for one in given.split("+")]
    if not given or not all(found):
        error = unknown_name("layers of infsplign", given, LEVELS)
        raise UserError(f"{error}; or give single layers as block.layer, such as 1.2+2.1.")
    return "+".join(f"{i}.{j}" for i, j in sorted({(int(m[1]), int(m[2])) for m in found if m}))


def terms_of(layers: str) -> tuple[bool, bool]:
    """Whether any of these layers can be coarse, where presence acts, and any not, for balance."""
    if layers in LEVELS:
        return layers in (BOTH, "coarse", ALL), layers != "coarse"
    coarse = [one.startswith("1.") for one in layers.split("+")]
    return any(coarse), not all(coarse)


def find_taps(unet: Any, layers: str) -> tuple[Tap, ...]:
    """The tapped layers of a UNet, in the order of its modules.

    Args:
        layers: ``both`` levels (coarse and mid), one of ``coarse``, ``mid`` and ``fine``, ``all``
            that this UNet has, or single layers; see ``read_layers``.

    Raises:
        UserError: a level or layer has no cross-attention here (says where there is), or a layer's
            attention was replaced by another method.
    """
    sdxl = unet.config.get("addition_embed_type") == "text_time"
    plan = _SDXL if sdxl else _UNET
    cross = cross_attention(unet)
    taps = []
    for prefix, coarse in _prefixes(plan, layers, sdxl=sdxl, cross=cross):
        names = [name for name in cross if name.startswith(prefix)]
        if not names:
            raise _no_layer(prefix, cross)
        taps += [Tap(name, require_own(name, cross[name], "infsplign"), coarse) for name in names]
    return tuple(taps)


def layer_name(tap: str) -> str:
    """What people call a layer: ``1.2`` for ``up_blocks.1.attentions.1``, SDXL's by its block."""
    found = re.match(r"up_blocks\.(\d+)\.attentions\.(\d+)\.", tap)
    if found and not tap.startswith(_SDXL_BLOCK):
        return f"{found[1]}.{int(found[2]) + 1}"
    return tap.removesuffix(".attn2")


def _prefixes(
    plan: _Plan, layers: str, *, sdxl: bool, cross: Mapping[str, Any]
) -> list[tuple[str, bool]]:
    """Beginnings of the names of the layers, and whether they are coarse."""
    if layers not in LEVELS:
        if sdxl:
            raise UserError(
                f"layers={layers}: single layers are named by the decoder blocks of Stable "
                f"Diffusion 1 and 2, and this backbone is an SDXL; give one of {', '.join(LEVELS)}."
            )
        pairs = [one.split(".") for one in layers.split("+")]
        return [(f"up_blocks.{i}.attentions.{int(j) - 1}.", i == "1") for i, j in pairs]
    levels: tuple[str, ...] = (layers,)
    if layers == BOTH:
        levels = ("coarse", "mid")
    if layers == ALL:
        levels = tuple(
            level
            for level, prefixes in plan.items()
            if level != "fine" or any(name.startswith(prefixes) for name in cross)
        )
    # SDXL has no finer level: the prefix is that of Stable Diffusion, and is not found.
    return [
        (prefix, level == "coarse") for level in levels for prefix in plan.get(level, _UNET[level])
    ]


def _no_layer(prefix: str, cross: Mapping[str, Any]) -> UserError:
    single = ".attentions." in prefix
    has = sorted({".".join(name.split(".")[:2]) for name in cross}) or ["none"]
    if single:
        has = sorted(name.removesuffix(".attn2") for name in cross) or ["none"]
    return UserError(
        f"infsplign reads the cross-attention of {prefix.rstrip('.')}, which this backbone lacks: "
        f"it has cross-attention in {', '.join(has)}; choose another backbone, or other layers "
        "with --set layers=coarse, mid or all."
    )
