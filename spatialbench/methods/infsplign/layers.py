"""Which cross-attention layers are tapped, and which of them are the coarse ones.

Source: the authors' code at 011f3398: decoder blocks 1 and 2 of Stable Diffusion 1.x and 2.x; three
layers of decoder block 0 for SDXL, of which only the first counts as coarse there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import UserError
from ...guidance.own_attention import cross_attention, require_own

_UNET = {"coarse": ("up_blocks.1.",), "mid": ("up_blocks.2.",)}
_SDXL_BLOCK = "up_blocks.0.attentions.1.transformer_blocks."
_SDXL = {"coarse": (f"{_SDXL_BLOCK}1.",), "mid": (f"{_SDXL_BLOCK}2.", f"{_SDXL_BLOCK}3.")}


@dataclass(frozen=True, slots=True)
class Tap:
    """A tapped layer: its name in the UNet, its attention, and whether presence acts on it."""

    name: str
    module: Any
    coarse: bool


def find_taps(unet: Any, layers: str) -> tuple[Tap, ...]:
    """The tapped layers of a UNet, in the order of its modules.

    Args:
        layers: ``both``, or only the ``coarse`` or only the ``mid`` level.

    Raises:
        UserError: a level has no cross-attention here (says where there is), or a layer's attention
            was replaced by another method.
    """
    sdxl = unet.config.get("addition_embed_type") == "text_time"
    plan = _SDXL if sdxl else _UNET
    cross = cross_attention(unet)
    levels = ("coarse", "mid") if layers == "both" else (layers,)
    taps = []
    for level in levels:
        for prefix in plan[level]:
            names = [name for name in cross if name.startswith(prefix)]
            if not names:
                raise _no_layer(prefix, cross)
            taps += [
                Tap(name, require_own(name, cross[name], "infsplign"), level == "coarse")
                for name in names
            ]
    return tuple(taps)


def _no_layer(prefix: str, cross: dict[str, Any]) -> UserError:
    has = sorted({".".join(name.split(".")[:2]) for name in cross}) or ["none"]
    if prefix.startswith(_SDXL_BLOCK):
        has = sorted(name.removesuffix(".attn2") for name in cross) or ["none"]
    return UserError(
        f"infsplign reads the cross-attention of {prefix.rstrip('.')}, which this backbone lacks: "
        f"it has cross-attention in {', '.join(has)}; choose another backbone, or another level "
        "with --set layers=coarse or --set layers=mid."
    )
