"""Two Ray workers against one, one thread each, on the lab: images per second of generation.

``OMP_NUM_THREADS=1 python -m tests.measurements.ray_throughput`` on an idle machine of two cores or
more. The two take turns several times; a worker's first batches, while models are still loading
elsewhere, are not counted: the rate is that of the time in which all workers worked.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from spatialbench import plugins
from spatialbench.executors.ray import RayExecutor
from spatialbench.executors.ray_cluster import Wanted, cluster
from spatialbench.plugins import GenerationSettings
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.stages.generate import generate
from tests.opened_runs import open_run


class Clock(Silent):
    """Notes when images were finished."""

    def __init__(self) -> None:
        self.finished: list[tuple[float, int]] = []

    def advance(self, images: int) -> None:
        self.finished.append((time.monotonic(), images))


def rate(folder: Path, workers: int, prompts: int, batch_size: int) -> float:
    """Images per second with so many workers, without loading and without the last stragglers."""
    benchmark = plugins.load("benchmark", "visor")
    generator = plugins.load("method", "sd").configure(GenerationSettings(), {})
    run = open_run(
        RunSpec(benchmark, benchmark.default_subset, generator),
        Selection(prompts),
        this_machine("cpu"),
        folder,
    )
    clock = Clock()
    executor = RayExecutor(Wanted(workers=workers), notice=print)
    generate(run, generator, batch_size, executor, clock)
    told = [entry for entry in clock.finished if entry[1]]
    # Every worker tells of its first batch when it has made its second.
    inner = told[2 * workers : len(told) - 2 * workers]
    return sum(images for _, images in inner[1:]) / (inner[-1][0] - inner[0][0])


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as place, cluster(Wanted(workers=2)):
        for turn in range(options.turns):
            for workers, measured in rates.items():
                folder = Path(place) / f"{turn}-{workers}"
                measured.append(rate(folder, workers, options.prompts, options.batch_size))
                print(json.dumps({"workers": workers, "images_a_second": measured[-1]}), flush=True)
    ratio = median(rates[2]) / median(rates[1])
    print(json.dumps({"rates": rates, "ratio": ratio, "holds": ratio >= 1.8}))


if __name__ == "__main__":
    main()
