"""How near ``run --overlap`` comes to the slower of method and detector, with artificial ones.

Run by hand: ``python -m tests.measurements.overlap`` (one minute), on an idle machine. A method and
a detector that sleep for given times make and look at the same images; what is measured is the wall
time of both stages, against the time that the slower one sleeps. Exits with status 1 below 95 %.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from spatialbench.stages.whole import run_all
from tests.stages.fakes import Finder, Log, Painter, Shapes, open_shapes, snapshot, work

BATCHES, SIZE = 40, 8
PROMISED = 0.95
TIMES = ((0.4, 0.1), (0.1, 0.4), (0.4, 0.4))
"""Seconds of a batch: to make it, to look at it."""


class Clock(Log):
    """Notes when the images begin, and when what follows both stages does."""

    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, float] = {}

    def begin(self, stage: str, done: int, total: int) -> None:
        super().begin(stage, done, total)
        self.times.setdefault(stage, time.perf_counter())

    @property
    def seconds(self) -> float:
        """Of making and looking."""
        return self.times["score"] - self.times["generate"]


def taken(folder: Path, makes: float, looks: float, *, overlap: bool) -> float:
    clock = Clock()
    painter, finder = Painter(seconds=makes), Finder(seconds=looks)
    run = open_shapes(folder, Shapes(BATCHES * SIZE // 2, 2), painter)
    run_all(run, replace(work(painter, finder, SIZE), overlap=overlap), clock)
    return clock.seconds


def main() -> int:
    missed = 0
    print(f"{'make':>6}{'look':>6}{'one by one':>12}{'ideal':>8}{'overlap':>9}{'of ideal':>10}")
    for makes, looks in TIMES:
        with tempfile.TemporaryDirectory() as name:
            plain, beside = Path(name) / "plain", Path(name) / "overlap"
            taken(plain, 0, 0, overlap=False)
            together = taken(beside, makes, looks, overlap=True)
            same = snapshot(plain) == snapshot(beside)
        ideal = BATCHES * max(makes, looks)
        missed += ideal / together < PROMISED or not same
        apart = BATCHES * (makes + looks)
        told = f"{makes:>6}{looks:>6}{apart:>12.1f}{ideal:>8.1f}{together:>9.2f}"
        print(told + f"{ideal / together:>10.1%}{'' if same else '  OTHER BYTES'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
