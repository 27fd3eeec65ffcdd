"""Entropic optimal transport, as STORM's code computes it.

Its cost depends on where mass comes from and not on where it goes, so the kernel has equal columns
and the iterations need only vectors: the same numbers as the full matrices, without them. It also
means that the plan sends every source to the same targets, and that the loss is the mean cost of
the source, whatever the target (but for the constant 1e-8, which drops the costliest sources).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

REGULARISATION = 0.1
ITERATIONS = 100
_GUARD = 1e-8


def transport_cost(source: Tensor, target: Tensor, cost: Tensor) -> Tensor:
    """The cost of the plan after the iterations.

    Args:
        source: (n, pixels), masses that sum to 1.
        target: (n, pixels), likewise.
        cost: (n, pixels), of a unit of mass that leaves the pixel.

    Returns:
        (n,).
    """
    import torch

    kernel = torch.exp(-cost / (REGULARISATION + _GUARD))
    v = torch.ones_like(target)
    u = torch.ones_like(source)
    for _ in range(ITERATIONS):
        u = source / (kernel * v.sum(1, keepdim=True) + _GUARD)
        v = target / ((kernel * u).sum(1, keepdim=True) + _GUARD)
    return (u * kernel * cost).sum(1) * v.sum(1)
