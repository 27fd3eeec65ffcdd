"""A small run whose images fill several disk blocks, and what must be true after any fault."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from spatialbench.plugins import ImageRequest
from spatialbench.runs.opening import Run
from spatialbench.scoring.summary import Summary
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Log, Painter, Shapes, open_shapes, snapshot, work

SIDE = 64
BATCH = 3


@dataclass
class BigPainter(Painter):
    """Noise of 12 kB an image, so that a disk can be full in the middle of one."""

    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        return [
            Image.fromarray(
                np.random.default_rng([request.seed, int(request.prompt.id)]).integers(
                    0, 256, (SIDE, SIDE, 3), dtype=np.uint8
                )
            )
            for request in requests
        ]


def begin(folder: Path) -> Run:
    """Start or continue the run: 6 prompts, one image each."""
    return open_shapes(folder, Shapes(6, 1), BigPainter())


def give_command(folder: Path, log: Log | None = None) -> Summary | None:
    """All of it: generate, detect, score."""
    return run_all(begin(folder), work(BigPainter(), batch_size=BATCH), log or Log())


def uninterrupted(folder: Path) -> dict[str, bytes]:
    """Every file of a run that nothing happened to."""
    give_command(folder)
    return files(folder)


def files(folder: Path) -> dict[str, bytes]:
    """What must not depend on what happened on the way."""
    return snapshot(folder)


def check_nothing_half(folder: Path) -> int:
    """How many images count as finished; each of them is whole."""
    if not (folder / "manifest.json").exists():
        return 0
    directory = begin(folder).directory
    finished = directory.finished_images(lambda notice: None)
    for key, record in finished.items():
        content = directory.image_path(*key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record.sha256
    return len(finished)
