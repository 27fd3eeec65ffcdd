"""Rewriting a prompt before any method sees it: TORE and its controls, a file's, any plug-in's.

The verdict on an image is always against the prompt the benchmark asked for.
"""

from __future__ import annotations

from .given_texts import FILE, GivenTexts, is_given, signature_of
from .transformed import (
    IDENTITY_KEY,
    NONE,
    Transformed,
    applied,
    count_outcomes,
    given_texts,
    installed_instead,
    is_other_version,
    transform_of,
    with_given_texts,
    with_transform,
)

__all__ = [
    "FILE",
    "IDENTITY_KEY",
    "NONE",
    "GivenTexts",
    "Transformed",
    "applied",
    "count_outcomes",
    "given_texts",
    "installed_instead",
    "is_given",
    "is_other_version",
    "signature_of",
    "transform_of",
    "with_given_texts",
    "with_transform",
]
