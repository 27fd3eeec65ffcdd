"""Canary images for a detector without shipped photographs, and records of what it found.

A detector that answers them wrongly is broken, whatever it would score.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from spatialbench.errors import UserError

if TYPE_CHECKING:
    import torch

_SIZE = (320, 320)


def require_finite(detector: str, *answers: Any) -> None:
    """Refuse NaN and infinity, which the libraries drop without a word and then find nothing.

    Args:
        detector: its name, for the error.
        answers: tensors or arrays of numbers.

    Raises:
        UserError: one of them has a value that is not finite.
    """
    if all(bool((abs(answer) < math.inf).all()) for answer in answers):
        return
    raise UserError(
        f"{detector} computes NaN or infinite values; its weights or this device are broken: run "
        "'spatialbench doctor', or give --device cpu. Nothing was recorded."
    )


def plain_images() -> list[Image.Image]:
    """A grey and a noisy image: a detector that sees cannot find the same in both."""
    noise = np.random.default_rng(0).integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    return [Image.new("RGB", _SIZE, (128, 128, 128)), Image.fromarray(noise)]


def require_different(first: torch.Tensor, second: torch.Tensor) -> None:
    """Refuse answers to two plain images that are the same.

    Raises:
        UserError: they are, or they are not finite.
    """
    if not bool(first.isfinite().all() and second.isfinite().all()):
        raise UserError(
            "answers plain images with NaN or infinite values: its weights or this device are "
            "broken; get the weights again, or give --device cpu."
        )
    spread = float(first.std() + second.std())
    if float((first - second).abs().max()) <= 1e-3 * spread:
        raise UserError(
            "gives the same answer to a grey and to a noisy image: its weights are damaged; get "
            "them again."
        )
