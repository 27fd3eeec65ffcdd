"""Refusing to stack two methods on one attention layer.

InfSplign, Attend-and-Excite, STORM and TENOR each put their own processor in the place of the
backbone's. The later one would silently undo the earlier one, so it is refused instead.
"""

from __future__ import annotations

from typing import Any

from ..errors import UserError

_OWN = (
    "AttnProcessor",
    "AttnProcessor2_0",
    "XFormersAttnProcessor",
    "JointAttnProcessor2_0",
    "FluxAttnProcessor",
)
"""Processors that compute plain attention from the layer's own projections."""


def cross_attention(unet: Any) -> dict[str, Any]:
    """Every cross-attention module of a UNet, by name, in the order of its modules."""
    return {name: module for name, module in unet.named_modules() if name.split(".")[-1] == "attn2"}


def require_own(name: str, module: Any, method: str) -> Any:
    """The attention module, if it is computed by the backbone's own processor.

    Raises:
        UserError: another method's processor is there; says whose.
    """
    if getattr(module, "fused_projections", False):
        raise UserError(
            f"the query, key and value of {name} are fused into one layer, and {method} reads them "
            "one by one: load the backbone without fuse_qkv_projections."
        )
    processor = type(module.processor)
    if processor.__name__ not in _OWN:
        owner = getattr(processor, "method", None)
        by = f"{owner} ({processor.__name__})" if owner else processor.__name__
        raise UserError(
            f"the attention of {name} is computed by {by}, so another method already changes it; "
            f"{method} needs the backbone's own attention: load it without that method. Only one "
            "method that changes the attention can act on a model."
        )
    return module
