"""Rewriting a prompt before any method sees it: TORE and its controls; ``TRANSFORMS`` has all.

The verdict on an image is always against the prompt the benchmark asked for.
"""

from __future__ import annotations

from .rewriting import NONE, TRANSFORMS, Outcome, PromptTransform, Rewriting, transform_of
from .transformed import IDENTITY_KEY, Transformed, count_outcomes, with_transform

__all__ = [
    "IDENTITY_KEY",
    "NONE",
    "TRANSFORMS",
    "Outcome",
    "PromptTransform",
    "Rewriting",
    "Transformed",
    "count_outcomes",
    "transform_of",
    "with_transform",
]
