"""One picture alone and among others: the same but for rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from spatialbench.plugins import ImageRequest


def pixels(image: Any) -> np.ndarray:
    """(rows, columns, 3) of an RGB picture, as int."""
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def assert_batch_mates_change_nothing(generator: Any, requests: Sequence[ImageRequest]) -> None:
    """At most one grey level in one pixel of a thousand; every request has a picture of its own."""
    together = np.stack([pixels(image) for image in generator.generate(requests)])
    alone = np.stack([pixels(generator.generate([one])[0]) for one in requests])
    changed = np.abs(together - alone).max(axis=-1)
    assert changed.max() <= 1
    assert (changed > 0).mean() <= 0.001
    assert len({image.tobytes() for image in alone}) == len(requests)
