"""The functions that turn a misplacement into a loss, by the names the thesis and the code use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Activation = Callable[["Tensor"], "Tensor"]

NAMES = (
    "sigmoid",
    "relu",
    "leaky_relu",
    "gelu",
    "squared_relu",
    "linear",
    "softplus",
    "silu",
    "elu",
    "celu",
    "selu",
    "hardtanh",
    "log_relu",
    "softsign",
    "rrelu",
)


def activation(name: str, slope: float) -> Activation:
    """The function of one of ``NAMES``; ``slope`` is that of ``leaky_relu`` below zero.

    ``gelu`` is the exact one (erf), ``hardtanh`` is cut to [0, 1], ``log_relu`` is log(1 + relu),
    and ``rrelu`` takes the middle of its slope range (1/8 to 1/3), so that no draw decides a pixel.
    Source: thesis Eq. 9 and the loss types of the authors' code at 011f3398.
    """
    import torch
    from torch.nn import functional as F

    table: dict[str, Activation] = {
        "sigmoid": torch.sigmoid,
        "relu": F.relu,
        "leaky_relu": lambda x: F.leaky_relu(x, slope),
        "gelu": F.gelu,
        "squared_relu": lambda x: F.relu(x).square(),
        "linear": lambda x: x,
        "softplus": F.softplus,
        "silu": F.silu,
        "elu": F.elu,
        "celu": F.celu,
        "selu": F.selu,
        "hardtanh": lambda x: F.hardtanh(x, 0.0, 1.0),
        "log_relu": lambda x: torch.log1p(F.relu(x)),
        "softsign": F.softsign,
        "rrelu": lambda x: F.rrelu(x, training=False),
    }
    return table[name]
