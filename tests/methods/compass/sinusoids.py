"""TENOR's sinusoids, number by number."""

from __future__ import annotations

import math

import torch


def sinusoid(tokens: int, width: int) -> torch.Tensor:
    """PE(p, 2i) = sin(p 10000^(-2i/width)), PE(p, 2i + 1) = cos of the same, number by number."""
    rows = [
        [
            (math.sin if c % 2 == 0 else math.cos)(p * 10000 ** (-(c - c % 2) / width))
            for c in range(width)
        ]
        for p in range(tokens)
    ]
    return torch.tensor(rows)
