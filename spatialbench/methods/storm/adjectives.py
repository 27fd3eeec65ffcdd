"""The released code's term for adjectives: each is transported to the noun it belongs to.

Source: MICV-yonsei/STORM at 88dbc3a. The distance of two pixels is that of their numbers in reading
order, not in the plane; nothing says that this was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .transport import ITERATIONS, REGULARISATION

if TYPE_CHECKING:
    from torch import Tensor

FIRST_STEP = 7
"""Of 50: the term counts from here on."""

_GUARD = 1e-8
_SMALLEST = 1e-6


def adjective_cost(noun: Tensor, adjective: Tensor) -> Tensor:
    """The cost of one noun's attention on its way to its adjective's, a scalar.

    Args:
        noun: (rows, columns), masses that sum to 1.
        adjective: likewise.
    """
    import torch

    source, target = noun.flatten(), adjective.flatten()
    places = torch.arange(len(source), device=source.device, dtype=source.dtype)
    cost = ((places.unsqueeze(1) - places).abs() + (source.unsqueeze(1) - target).abs()) / 2
    largest = cost.max()
    cost = cost / largest if largest > _SMALLEST else torch.zeros_like(cost)
    kernel = torch.exp(-cost / (REGULARISATION + _GUARD))
    u, v = torch.ones_like(source), torch.ones_like(target)
    for _ in range(ITERATIONS):
        u = source / (kernel @ v + _GUARD)
        v = target / (kernel.T @ u + _GUARD)
    return (u.unsqueeze(1) * kernel * v * cost).sum()
