"""Rewriting a prompt before any method sees it: TORE and its controls, and any plug-in's.

The verdict on an image is always against the prompt the benchmark asked for.
"""

from __future__ import annotations

from .transformed import (
    IDENTITY_KEY,
    NONE,
    Transformed,
    count_outcomes,
    transform_of,
    with_transform,
)

__all__ = [
    "IDENTITY_KEY",
    "NONE",
    "Transformed",
    "count_outcomes",
    "transform_of",
    "with_transform",
]
