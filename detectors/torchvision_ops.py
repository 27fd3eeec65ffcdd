"""torchvision's compiled operations where they work, and None where they do not."""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def torchvision_ops() -> Any | None:
    """``torchvision.ops``, or None where torchvision is absent or built for another torch."""
    try:
        import torchvision.ops as ops

        ops.nms  # noqa: B018
    except Exception:  # an ABI mismatch raises whatever the loader pleases
        return None
    return ops
