"""Standing in for a UNet's forward method during one pipeline call; all is put back after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def forward_replaced(
    unet: Any, forward: Callable[..., Any], *, checkpointing: bool = False
) -> Iterator[None]:
    """Inside the block the UNet answers with ``forward``; its weights need no gradient.

    Forward method (also one that somebody else had set), checkpointing and weight flags are as
    before after it.

    Args:
        checkpointing: recompute activations in the backward pass instead of keeping them.
    """
    trainable = [p for p in unet.parameters() if p.requires_grad]
    own_forward = unet.__dict__.get("forward")
    recompute = checkpointing and not unet.is_gradient_checkpointing
    try:
        for parameter in trainable:
            parameter.requires_grad_(False)
        if recompute:
            unet.enable_gradient_checkpointing()
        unet.forward = forward
        yield
    finally:
        if own_forward is None:
            del unet.forward
        else:
            unet.forward = own_forward
        if recompute:
            unet.disable_gradient_checkpointing()
        for parameter in trainable:
            parameter.requires_grad_(True)


def rows_of(value: Any, rows: Any) -> Any:
    """The rows of a keyword argument that belong to some samples; SDXL gives tensors in a dict.

    Args:
        rows: a slice, or a tensor of row numbers.
    """
    if isinstance(value, dict):
        return {key: rows_of(item, rows) for key, item in value.items()}
    return value[rows] if hasattr(value, "shape") and value.dim() > 0 else value
