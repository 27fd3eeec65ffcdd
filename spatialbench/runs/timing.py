"""How long a run's images took to make: ``timing.jsonl``, one line per batch.

A measurement differs every time, so it lies apart from everything that may not: it is part of no
identity, no score and no summary, and a run is complete without it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from ..errors import UserError
from ..files.documents import LARGE, json_lines, read_limited
from ..files.regular_files import open_below
from .files import SCRATCH, disk_errors, write_atomic

NAME = "timing.jsonl"

_MOST = 1_000_000
_APPEND = os.O_CREAT | os.O_APPEND | os.O_WRONLY


class BatchTime(BaseModel):
    """One batch: ``seconds`` of wall time for all its ``images``, loading of models excluded.

    ``batch_size`` is how many images were asked for at a time; the last batch may hold fewer.
    ``costs`` are sums over the images; see ``Method.costs``.
    """

    model_config = ConfigDict(frozen=True)

    images: int = Field(gt=0, le=_MOST)
    seconds: float = Field(ge=0, allow_inf_nan=False)
    batch_size: int = Field(gt=0, le=_MOST)
    device: str
    costs: dict[str, FiniteFloat] | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """Median seconds per image on one device at one batch size, over ``images`` images.

    ``costs`` are means per image over all devices and sizes; see ``Method.costs``.
    """

    seconds: float
    device: str
    batch_size: int
    images: int
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """``NVIDIA H200, batch 8``."""
        return f"{self.device}, batch {self.batch_size}"


def append_time(folder: Path, batch: BatchTime) -> None:
    """Add a batch to the run's file in one write, so that several workers can share it.

    Raises:
        UserError: no space, no permission.
    """
    path = folder / NAME
    with disk_errors(path):
        handle = open_below(folder, path, _APPEND)
        if os.fstat(handle).st_nlink > 1:
            # Somebody's copy of the run, or a file of anyone's, has the same content under another
            # name, which must not change: go on in a file of our own.
            os.close(handle)
            write_atomic(path, read_limited(path, LARGE, folder), folder / SCRATCH)
            handle = open_below(folder, path, _APPEND)
        try:
            os.write(handle, batch.model_dump_json(exclude_none=True).encode() + b"\n")
        finally:
            os.close(handle)


def read_pace(folder: Path) -> Pace | None:
    """The pace on the device and at the batch size that made most of the run's images.

    None where nothing was timed. A line that an interruption tore is one measurement fewer.
    """
    try:
        lines = json_lines(read_limited(folder / NAME, LARGE, folder))
    except (OSError, ValueError, UserError):
        return None
    batches = [batch for batch in map(_batch, lines) if batch is not None]
    images: Counter[tuple[str, int]] = Counter()
    for batch in batches:
        images[batch.device, batch.batch_size] += batch.images
    if not images:
        return None
    (device, size), count = images.most_common(1)[0]
    alike = [batch for batch in batches if (batch.device, batch.batch_size) == (device, size)]
    return Pace(_median_an_image(alike), device, size, count, _costs(batches))


def _costs(batches: list[BatchTime]) -> dict[str, float]:
    """Means per image, of the batches that tell each."""
    told: dict[str, list[tuple[float, int]]] = {}
    for batch in batches:
        for name, value in (batch.costs or {}).items():
            told.setdefault(name, []).append((value, batch.images))
    return {
        name: sum(value for value, _ in parts) / sum(images for _, images in parts)
        for name, parts in told.items()
    }


def _median_an_image(batches: list[BatchTime]) -> float:
    """The median over images, each of which took its share of its batch."""
    shares = sorted((batch.seconds / batch.images, batch.images) for batch in batches)
    ends = list(accumulate(images for _, images in shares))
    middle = ((ends[-1] - 1) // 2, ends[-1] // 2)
    return fmean(shares[bisect_right(ends, place)][0] for place in middle)


def _batch(line: bytes) -> BatchTime | None:
    try:
        return BatchTime.model_validate_json(line)
    except ValidationError:
        return None
