"""Memory that really runs out: the batch is halved, said, and no image is lost or changed."""

from __future__ import annotations

import logging
import resource
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
from PIL import Image

from spatialbench.plugins import ImageRequest
from spatialbench.stages.whole import run_all
from tests.stages.fakes import Log, work

from .drills import BigPainter, begin, files

SHARE = 256 << 20
"""Bytes of memory that one image takes while it is made."""


@dataclass
class Hungry(BigPainter):
    def generate(self, requests: Sequence[ImageRequest]) -> list[Image.Image]:
        room = np.empty((len(requests), SHARE), dtype=np.uint8)
        assert len(room) == len(requests)
        return super().generate(requests)


def _starved(folder: Path, told: Path) -> None:
    logging.basicConfig(filename=told)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 2 * SHARE + (200 << 20),) * 2)
    run_all(begin(folder), work(Hungry(), batch_size=3), Log())


def test_the_batch_is_halved(
    tmp_path: Path, context: ForkServerContext, whole: dict[str, bytes]
) -> None:
    told = tmp_path / "told"
    process = context.Process(target=_starved, args=(tmp_path / "run", told))
    process.start()
    process.join(600)
    assert process.exitcode == 0
    assert "out of memory with 3 images at a time: going on with 1 (--batch-size 1" in (
        told.read_text()
    )
    assert files(tmp_path / "run") == whole
