"""How many operations a call takes: every matrix product and convolution, forward and backward.

Counted while the call runs on the CPU, by torch's own formulas (one multiplication with its
addition is two); attention is computed as two products, as every kernel of it computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

_Mode: Any = TorchDispatchMode


class _Counter(_Mode):
    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += int(formula(*args, **(kwargs or {}), out_val=out))
        return out


def tflop(run: Callable[[], Any]) -> float:
    """Operations of one call, in 10^12."""
    with sdpa_kernel(SDPBackend.MATH), _Counter() as counter:
        run()
    return counter.total / 1e12
