"""What the harness costs: its generate stage against a bare diffusers loop over the same batches.

``OMP_NUM_THREADS=1 python -m tests.measurements.overhead`` on an idle machine; one process. Batch
by batch the two take turns, so that a machine which slows down slows both. The bare loop calls the
pipeline and keeps the images; the stage also encodes, hashes and writes them, records them, and
keeps its plan. Both work on the same batches of VISOR, with the same seeds, and must give the same
pixels. They share the weights: of two copies in one process, one was seen to be up to 8 % slower
by where in memory it happened to lie. Beside the seconds that passed stand those of the processor:
a shared machine that gives one of the two less of it than the other shows in the former only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from spatialbench import plugins
from spatialbench.backbones.named import resolve
from spatialbench.executors import Result, Worker
from spatialbench.plugins import GenerationSettings
from spatialbench.runs.machine import this_machine
from spatialbench.runs.opening import RunSpec
from spatialbench.runs.progress import Silent
from spatialbench.runs.selection import Selection
from spatialbench.stages.generate import generate
from spatialbench.stages.image_worker import ImageBatch
from tests.opened_runs import open_run


class Spent(NamedTuple):
    """Seconds that passed, and seconds of the processor in all threads."""

    wall: float
    processor: float


class Bare:
    """What somebody would write who needs no harness."""

    def __init__(self, steps: int, guidance: float) -> None:
        import torch
        from diffusers import StableDiffusionPipeline

        self._torch = torch
        self._options = {"num_inference_steps": steps, "guidance_scale": guidance}
        folder = resolve("lab").weights.locate(offline=True)
        self._pipe = StableDiffusionPipeline.from_pretrained(
            folder, safety_checker=None, torch_dtype=torch.float32
        )
        self._pipe.set_progress_bar_config(disable=True)

    def share(self, pipe: Any) -> None:
        """Sample with the models of another pipeline, made of the same files."""
        for part in ("unet", "vae", "text_encoder"):
            setattr(self._pipe, part, getattr(pipe, part))

    def __call__(self, batch: ImageBatch) -> list[Image.Image]:
        """The images of a batch."""
        seeded = [self._torch.Generator().manual_seed(r.seed) for r in batch.requests]
        texts = [request.prompt.text for request in batch.requests]
        images: list[Image.Image] = self._pipe(texts, generator=seeded, **self._options).images
        return images


class Turns:
    """An executor that does every batch twice: in the worker, and bare; odd batches bare first."""

    elsewhere = False

    def __init__(self, bare: Bare) -> None:
        self.bare = bare
        self.seconds: list[tuple[Spent, Spent]] = []
        self.made: list[list[Image.Image]] = []

    def check(self) -> None:
        """See ``Executor.check``."""

    def map(
        self, make_worker: Callable[[], Worker[Any, Result]], batches: Sequence[Any]
    ) -> Iterator[Result]:
        """See ``Executor.map``."""
        worker = make_worker()
        for number, batch in enumerate(batches):
            if number % 2:
                alone, images = _timed(partial(self.bare, batch))
            ours, result = _timed(partial(worker.work, batch))
            if not number % 2:
                alone, images = _timed(partial(self.bare, batch))
            self.made.append(images)
            self.seconds.append((ours, alone))
            yield result
        closed, _ = _timed(worker.close)
        # What was left for the end belongs to the last batch.
        ours, alone = self.seconds.pop()
        self.seconds.append((Spent(*map(sum, zip(ours, closed, strict=True))), alone))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--prompts", type=int, default=80)
    parser.add_argument("--batch-size", type=int, default=8)
    options = parser.parse_args()
    benchmark = plugins.load("benchmark", "visor")
    generator: Any = plugins.load("method", "sd").configure(GenerationSettings(), {})
    identity = generator.identity()
    bare = Bare(identity["steps"], identity["guidance_scale"])
    generator.load()
    bare.share(generator.pipe)
    turns = Turns(bare)
    with tempfile.TemporaryDirectory() as place:
        run = open_run(
            RunSpec(benchmark, benchmark.default_subset, generator),
            Selection(options.prompts),
            this_machine("cpu"),
            Path(place) / "run",
        )
        start = time.perf_counter()
        generate(run, generator, options.batch_size, turns, Silent())
        whole = time.perf_counter() - start
        differing = _differing(run, turns, options.batch_size)
    # The first batch of each warms up.
    counted = turns.seconds[1:]
    ours, alone = (
        Spent(*map(sum, zip(*column, strict=True))) for column in zip(*counted, strict=True)
    )
    overhead = ours.wall / alone.wall - 1
    report = {
        "batches": len(counted),
        "harness_seconds": ours.wall,
        "bare_seconds": alone.wall,
        "whole_seconds": whole,
        "overhead": overhead,
        "median_of_pairs": median(a.wall / b.wall for a, b in counted) - 1,
        "overhead_of_processor_time": ours.processor / alone.processor - 1,
        "differing_images": differing,
        "holds": overhead <= 0.03 and differing == 0,
    }
    print(json.dumps(report))


def _differing(run: Any, turns: Turns, batch_size: int) -> int:
    """Images of the bare loop that are not those on the disk."""
    keys = run.expected.keys()
    count = 0
    for number, images in enumerate(turns.made):
        batch = keys[number * batch_size : (number + 1) * batch_size]
        for key, image in zip(batch, images, strict=True):
            with Image.open(run.directory.image_path(*key)) as stored:
                count += not np.array_equal(np.asarray(stored), np.asarray(image))
    return count


def _timed(function: Callable[[], Any]) -> tuple[Spent, Any]:
    start, busy = time.perf_counter(), time.process_time()
    answer = function()
    return Spent(time.perf_counter() - start, time.process_time() - busy), answer


if __name__ == "__main__":
    main()
